//! What a server does at its limits.

use std::time::Duration;

use peng_client::{Client, Credentials, Error, v1};
use peng_proto::v1::prediction_service_client::PredictionServiceClient;
use peng_server::{Config, Limits};
use prost::Message;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tonic::{Code, Streaming};

use crate::harness::{Running, config, experiment};

const PARENT: &str = "experiments/e";

fn limited(change: impl FnOnce(&mut Limits)) -> Config {
    let mut config = config();
    change(&mut config.limits);
    config
}

async fn create(client: &Client, trial: &str) -> Result<(), Error> {
    let request = v1::CreateTrialRequest {
        parent: PARENT.to_owned(),
        trial_id: trial.to_owned(),
        trial: None,
    };
    client.create_trial(request).await.map(drop)
}

fn name(trial: &str) -> String {
    format!("{PARENT}/trials/{trial}")
}

async fn report(
    client: &Client,
    trial: &str,
    epoch: f64,
    value: f64,
) -> Result<v1::Decision, Error> {
    let request = v1::ReportObservationRequest {
        trial: name(trial),
        observation: Some(v1::Observation { epoch, value }),
    };
    let answer = client.report_observation(request).await?;
    Ok(answer.decision.unwrap())
}

/// A server with one experiment, and its client.
async fn start(config: Config) -> (Running, Client) {
    let server = Running::start(config).await;
    let client = server.client("http", Credentials::default());
    client.create_experiment(experiment("e")).await.unwrap();
    (server, client)
}

/// A curve that the usual policy stops.
fn value(epoch: u32) -> f64 {
    80.0 - 60.0 * (-0.5 * f64::from(epoch)).exp()
}

fn assert_refused<T: std::fmt::Debug>(result: Result<T, Error>, reason: &str, limit: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.code(), Some(Code::ResourceExhausted), "{error}");
    assert_eq!(error.reason().as_deref(), Some(reason), "{error}");
    assert!(error.to_string().contains(limit), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn trials_and_observations_are_limited_and_what_is_there_stays() {
    let (server, client) = start(limited(|limits| {
        limits.experiment_trials = 2;
        limits.trial_observations = 3;
    }))
    .await;
    for trial in ["a", "b", "b"] {
        create(&client, trial).await.unwrap();
    }
    assert_refused(
        create(&client, "c").await,
        "TOO_MANY_TRIALS",
        "limits.experiment_trials",
    );
    for epoch in 1..=3 {
        report(&client, "a", f64::from(epoch), 50.0).await.unwrap();
    }
    assert_refused(
        report(&client, "a", 4.0, 50.0).await,
        "TOO_MANY_OBSERVATIONS",
        "limits.trial_observations",
    );
    report(&client, "a", 3.0, 50.0).await.unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_a_peer_are_limited_and_a_closed_one_makes_room() {
    let (server, client) = start(limited(|limits| limits.peer_calls = 2)).await;
    create(&client, "a").await.unwrap();
    let mut first = client.reporter(name("a"));
    first.report(1.0, 50.0).await.unwrap();
    let mut watch = client.watch(PARENT, "");
    watch.next().await.unwrap();
    assert_refused(
        report(&client, "a", 2.0, 50.0).await,
        "TOO_MANY_CALLS",
        "limits.peer_calls",
    );
    drop(first);
    // The client tries again by itself until there is room.
    let patient = client.with_options(peng_client::Options::default());
    report(&patient, "a", 2.0, 50.0).await.unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_too_fast_is_told_when_to_come_back_and_a_stream_is_slowed() {
    let (server, client) = start(limited(|limits| limits.peer_rate = 20)).await;
    create(&client, "a").await.unwrap();
    let impatient = client.with_options(peng_client::Options {
        patience: Duration::ZERO,
        ..peng_client::Options::default()
    });
    let refused = async {
        loop {
            report(&impatient, "a", 1.0, 50.0).await?;
        }
    };
    let result: Result<(), Error> = refused.await;
    assert_refused(result, "RATE_EXCEEDED", "limits.peer_rate");
    let patient = client.with_options(peng_client::Options::default());
    let mut reporter = patient.reporter(name("a"));
    for epoch in 2..40 {
        reporter.send(f64::from(epoch), 50.0).unwrap();
    }
    let mut decided = 0;
    while reporter.decided().await.unwrap().is_some() {
        decided += 1;
    }
    assert_eq!(decided, 38);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large_is_refused() {
    let (server, client) = start(limited(|limits| limits.message_bytes = 1_000)).await;
    let display_name = "x".repeat(2_000);
    let request = v1::CreateTrialRequest {
        parent: PARENT.to_owned(),
        trial_id: "a".to_owned(),
        trial: Some(v1::Trial {
            display_name,
            ..v1::Trial::default()
        }),
    };
    let error = client.create_trial(request).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::ResourceExhausted), "{error}");
    let mut answers = stream(&server, "x".repeat(2_000), 1).await;
    let status = answers.message().await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    let page = server.metrics.text();
    for method in ["CreateTrial", "StreamObservations"] {
        let ended = format!("{method}\",code=\"RESOURCE_EXHAUSTED\"}} 1");
        assert!(page.contains(&ended), "{page}");
    }
    server.stop().await;
}

/// The answers to so many observations of one trial, which is named once.
async fn stream(
    server: &Running,
    trial: String,
    count: u32,
) -> Streaming<v1::StreamObservationsResponse> {
    let requests = (1..=count).map(move |epoch| v1::StreamObservationsRequest {
        trial: if epoch == 1 {
            trial.clone()
        } else {
            String::new()
        },
        observation: Some(v1::Observation {
            epoch: epoch.into(),
            value: 50.0,
        }),
    });
    let requests = futures::stream::iter(requests.collect::<Vec<_>>());
    let endpoint = format!("http://{}", server.address);
    let mut client = PredictionServiceClient::connect(endpoint).await.unwrap();
    let answers = client.stream_observations(requests).await;
    answers.unwrap().into_inner()
}

/// One large request would otherwise have any number of large answers.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_name_is_not_repeated_in_full() {
    let server = Running::start(config()).await;
    let mut answers = stream(&server, "x".repeat(1_000_000), 3).await;
    for _ in 0..3 {
        let answer = answers.message().await.unwrap().unwrap();
        assert!(answer.encoded_len() < 1_000);
    }
    let client = server.client("http", Credentials::default());
    let request = v1::ListTrialsRequest {
        parent: PARENT.to_owned(),
        page_token: "x".repeat(1_000_000),
        ..v1::ListTrialsRequest::default()
    };
    let error = client.list_trials(request).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::InvalidArgument), "{error}");
    server.stop().await;
}

/// One says nothing, one stops in the middle of its greeting, and one does not hear.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_without_a_peer_is_closed() {
    let server = Running::start(limited(|limits| limits.silence_seconds = 1)).await;
    let closed = ["", "PRI * HTT", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"].map(async |said| {
        let mut socket = TcpStream::connect(server.address).await.unwrap();
        socket.write_all(said.as_bytes()).await.unwrap();
        let mut heard = Vec::new();
        // Closed or reset: either way it ends.
        drop(socket.read_to_end(&mut heard).await);
    });
    futures::future::join_all(closed).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trials_that_are_idle_leave_memory_and_go_on_as_if_they_had_not() {
    let (small, small_client) = start(limited(|limits| limits.trials_in_memory = 3)).await;
    let (large, large_client) = start(config()).await;
    let mut verdicts = Vec::new();
    for client in [&small_client, &large_client] {
        let mut decisions = Vec::new();
        for trial in 0..12 {
            create(client, &format!("t-{trial}")).await.unwrap();
        }
        for epoch in 1..=12 {
            for trial in 0..12 {
                let value = value(epoch) - f64::from(trial);
                let trial = format!("t-{trial}");
                let decision = report(client, &trial, f64::from(epoch), value).await;
                decisions.push(decision.unwrap());
            }
        }
        verdicts.push(decisions);
    }
    assert_eq!(verdicts[0], verdicts[1]);
    let stops = verdicts[0].iter().filter(|decision| decision.must_stop);
    assert!(stops.count() > 0);
    let in_memory = |page: String| {
        let line = page
            .lines()
            .find(|line| line.starts_with("peng4nn_trials_in_memory "));
        line.unwrap()
            .split(' ')
            .nth(1)
            .unwrap()
            .parse::<u32>()
            .unwrap()
    };
    // One more is there while it is asked for, and one while another takes its place.
    assert!(in_memory(small.metrics.text()) <= 5);
    assert_eq!(in_memory(large.metrics.text()), 12);
    small.stop().await;
    large.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_tells_that_it_is_full_rather_than_keep_callers_waiting() {
    // Many writes want the only place, and none waits for long.
    let (server, client) = start(limited(|limits| {
        limits.commit_queue = 1;
        limits.commit_size = 1;
        limits.queue_millis = 1;
    }))
    .await;
    create(&client, "a").await.unwrap();
    let mut refused = 0;
    let calls = (1..200).map(|epoch| {
        let client = client.with_options(peng_client::Options {
            patience: Duration::ZERO,
            ..peng_client::Options::default()
        });
        async move { report(&client, "a", f64::from(epoch), 50.0).await }
    });
    for result in futures::future::join_all(calls).await {
        if let Err(error) = result {
            assert_refused::<()>(Err(error), "OVERLOADED", "limits.queue_millis");
            refused += 1;
        }
    }
    assert!(refused > 0);
    // All of it comes through for those who come back.
    for epoch in 1..200 {
        let patient = client.with_options(peng_client::Options::default());
        report(&patient, "a", f64::from(epoch), 50.0).await.unwrap();
    }
    server.stop().await;
}

/// The page has each limit with its default, and no other.
#[test]
fn the_page_of_limits_is_right() {
    let page = include_str!("../../../../docs/limits.md");
    let rows = page.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
        let name = cells.next()?.trim_end_matches('`').to_owned();
        Some((name, cells.next()?.parse::<i64>().unwrap()))
    });
    let limits = toml::Table::try_from(Limits::default()).unwrap();
    let limits = limits
        .into_iter()
        .map(|(name, value)| (name, value.as_integer().unwrap()));
    let (mut rows, mut limits): (Vec<_>, Vec<_>) = (rows.collect(), limits.collect());
    rows.sort();
    limits.sort();
    assert_eq!(rows, limits);
}

/// The trials of every page, with their curves.
async fn pages(client: &Client) -> Result<Vec<Vec<v1::Trial>>, Error> {
    let mut pages = Vec::new();
    let mut request = v1::ListTrialsRequest {
        parent: PARENT.to_owned(),
        view: v1::TrialView::Full.into(),
        ..v1::ListTrialsRequest::default()
    };
    loop {
        let page = client.list_trials(request.clone()).await?;
        pages.push(page.trials);
        if page.next_page_token.is_empty() {
            return Ok(pages);
        }
        request.page_token = page.next_page_token;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn curves_that_are_too_much_for_one_message_come_on_several_pages() {
    const EPOCHS: u32 = 2_000;
    let (server, client) = start(config()).await;
    let trials: Vec<_> = (0..12).map(|trial| format!("t{trial}")).collect();
    for trial in &trials {
        create(&client, trial).await.unwrap();
        let mut reporter = client.reporter(name(trial));
        for epoch in 1..=EPOCHS {
            let value = value(epoch.min(20));
            reporter.send(f64::from(epoch) / 100.0, value).unwrap();
        }
        while reporter.decided().await.unwrap().is_some() {}
    }
    let pages = pages(&client).await.unwrap();
    assert!(pages.len() > 1);
    let listed: Vec<_> = pages.iter().flatten().collect();
    let names: Vec<_> = trials.iter().map(|trial| name(trial)).collect();
    assert!(listed.iter().map(|trial| &trial.name).eq(&names));
    assert!(
        listed
            .iter()
            .all(|trial| trial.observations.len() == EPOCHS as usize)
    );
    server.stop().await;
}
