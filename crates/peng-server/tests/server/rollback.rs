//! A trial that goes back to an epoch, as a training that resumes from a checkpoint does.

use std::sync::Arc;

use peng_client::{Client, Credentials, Error, v1};
use peng_server::Server;
use peng_store::Sqlite;

use crate::harness::{Running, config};

const TRIAL: &str = "experiments/e/trials/t";

async fn start(folder: &std::path::Path) -> (Running, Client) {
    // The connections of a server before end a little after it.
    let store = loop {
        match Sqlite::open(folder).await {
            Err(peng_store::Error::InUse { .. }) => tokio::task::yield_now().await,
            store => break store.unwrap(),
        }
    };
    let server = Running::run(Server::bind(config(), Arc::new(store)).await.unwrap());
    let client = server.client("http", Credentials::default());
    (server, client)
}

async fn create(client: &Client, trial: &str, policy: Option<v1::Policy>) {
    let request = v1::CreateExperimentRequest {
        experiment_id: "e".to_owned(),
        experiment: Some(v1::Experiment {
            target_epoch: 20.0,
            policy,
            ..v1::Experiment::default()
        }),
    };
    client.create_experiment(request).await.unwrap();
    let request = v1::CreateTrialRequest {
        parent: "experiments/e".to_owned(),
        trial_id: trial.to_owned(),
        trial: None,
    };
    client.create_trial(request).await.unwrap();
}

/// Reports epochs of a curve that flattens at `ceiling`, until `last` or a STOP.
async fn train(
    client: &Client,
    trial: &str,
    epochs: std::ops::RangeInclusive<u32>,
    ceiling: f64,
) -> Vec<v1::Decision> {
    let mut reporter = client.reporter(format!("experiments/e/trials/{trial}"));
    let mut decisions = Vec::new();
    for epoch in epochs {
        let value = ceiling - 60.0 * (-0.5 * f64::from(epoch)).exp();
        decisions.push(reporter.report(epoch.into(), value).await.unwrap());
        if decisions.last().unwrap().must_stop {
            break;
        }
    }
    decisions
}

async fn back(client: &Client, epoch: f64) -> Result<v1::Trial, Error> {
    let name = TRIAL.to_owned();
    let request = v1::RollBackTrialRequest { name, epoch };
    Ok(client.roll_back_trial(request).await?.trial.unwrap())
}

async fn full(client: &Client) -> v1::Trial {
    let request = v1::GetTrialRequest {
        name: TRIAL.to_owned(),
        view: v1::TrialView::Full.into(),
    };
    client.get_trial(request).await.unwrap().trial.unwrap()
}

/// What watchers are told of the trial.
async fn told(client: &Client, events: usize) -> Vec<String> {
    use v1::watch_experiment_response::Event;
    let mut watch = client.watch("experiments/e", "");
    let mut told = Vec::new();
    while told.len() < events {
        told.push(match watch.next().await.unwrap().event.unwrap() {
            Event::Observed(observed) => observed.observation.unwrap().epoch.to_string(),
            Event::StateEntered(state) => {
                let state = v1::TrialState::try_from(state).unwrap();
                state
                    .as_str_name()
                    .trim_start_matches("TRIAL_STATE_")
                    .to_owned()
            }
            Event::RolledBackTo(epoch) => format!("back to {epoch}"),
        });
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_that_was_stopped_goes_on_from_an_earlier_epoch_as_if_it_had_not_been() {
    let folder = tempfile::tempdir().unwrap();
    let (server, client) = start(folder.path()).await;
    create(&client, "t", None).await;
    create(&client, "fresh", None).await;
    let first = train(&client, "t", 1..=19, 80.0).await;
    let stopped_at = first.len();
    assert!(first.last().unwrap().must_stop);
    let trial = back(&client, 2.0).await.unwrap();
    assert_eq!(trial.state(), v1::TrialState::Running);
    assert_eq!(
        (trial.observation_count, trial.stop.as_ref(), trial.fitness),
        (2, None, None)
    );
    // The same again changes nothing.
    assert_eq!(back(&client, 2.0).await.unwrap(), trial);
    // Another curve from there on: decided as that of a trial that never saw the first.
    let again = train(&client, "t", 3..=5, 50.0).await;
    train(&client, "fresh", 1..=2, 80.0).await;
    let fresh = train(&client, "fresh", 3..=5, 50.0).await;
    assert_eq!(again, fresh);
    let before = full(&client).await;
    assert_eq!(
        before.observations[..2]
            .iter()
            .map(|entry| entry.decision.clone().unwrap())
            .collect::<Vec<_>>(),
        first[..2]
    );
    let mut log: Vec<String> = vec!["RUNNING".to_owned(), "RUNNING".to_owned()];
    log.extend((1..=stopped_at).map(|epoch| epoch.to_string()));
    log.extend(["STOPPED", "back to 2", "RUNNING", "3", "4", "5"].map(str::to_owned));
    assert_eq!(told(&client, log.len()).await, log);
    server.stop().await;
    // After a restart all is as it was.
    let (server, client) = start(folder.path()).await;
    assert_eq!(full(&client).await, before);
    assert_eq!(train(&client, "t", 3..=5, 50.0).await, again);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trials_that_are_compared_unlearn_what_was_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let median = v1::policy::Policy::Median(v1::MedianPolicy::default());
    let policy = v1::Policy {
        policy: Some(median),
    };
    let (server, client) = start(folder.path()).await;
    for trial in ["t", "a", "b", "c"] {
        create(&client, trial, Some(policy.clone())).await;
    }
    for trial in ["a", "b"] {
        train(&client, trial, 1..=10, 70.0).await;
    }
    train(&client, "t", 1..=10, 95.0).await;
    back(&client, 3.0).await.unwrap();
    let live = train(&client, "c", 1..=5, 60.0).await;
    server.stop().await;
    // A server that learns all of it from the log goes on in the same way.
    let (server, client) = start(folder.path()).await;
    create(&client, "d", Some(policy)).await;
    assert_eq!(train(&client, "c", 1..=5, 60.0).await, live);
    let trial = back(&client, 3.0).await.unwrap();
    assert_eq!(trial.observation_count, 3);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_ended_or_is_no_epoch_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (server, client) = start(folder.path()).await;
    create(&client, "t", None).await;
    train(&client, "t", 1..=3, 80.0).await;
    for epoch in [0.0, -1.0, f64::NAN] {
        let error = back(&client, epoch).await.unwrap_err();
        assert_eq!(error.reason().as_deref(), Some("INVALID_FIELD"), "{error}");
        assert!(error.to_string().contains("epoch"), "{error}");
    }
    let request = v1::CompleteTrialRequest {
        name: TRIAL.to_owned(),
        state: v1::TrialState::Failed.into(),
        message: String::new(),
    };
    client.complete_trial(request).await.unwrap();
    let error = back(&client, 1.0).await.unwrap_err();
    assert_eq!(error.reason().as_deref(), Some("TRIAL_ENDED"), "{error}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_whose_worker_had_to_leave_goes_on_with_another_one() {
    let adaptive = v1::AdaptivePolicy {
        startup_trials: Some(3),
        ..v1::AdaptivePolicy::default()
    };
    for policy in [
        None,
        Some(v1::Policy {
            policy: Some(v1::policy::Policy::Adaptive(adaptive)),
        }),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (server, client) = start(folder.path()).await;
        for trial in ["t", "fresh", "a", "b", "c", "d"] {
            create(&client, trial, policy.clone()).await;
        }
        for (trial, ceiling) in [("a", 60.0), ("b", 70.0), ("c", 90.0), ("d", 65.0)] {
            train(&client, trial, 1..=20, ceiling).await;
            end(&client, trial, v1::TrialState::Succeeded).await;
        }
        train(&client, "t", 1..=4, 80.0).await;
        end(&client, "t", v1::TrialState::Preempted).await;
        // From its last observation, or from an earlier one; the second time nothing changes.
        for (epoch, count) in [(4.0, 4), (4.0, 4), (3.0, 3)] {
            let trial = back(&client, epoch).await.unwrap();
            assert_eq!(trial.state(), v1::TrialState::Running);
            assert_eq!((trial.observation_count, trial.end_time), (count, None));
            assert_eq!(trial.message, "");
        }
        let resumed = train(&client, "t", 4..=6, 80.0).await;
        train(&client, "fresh", 1..=3, 80.0).await;
        let fresh = train(&client, "fresh", 4..=6, 80.0).await;
        assert_eq!(resumed, fresh, "as if nobody had left");
        // The same once all of it is read from the log.
        let before = full(&client).await;
        server.stop().await;
        let (server, client) = start(folder.path()).await;
        assert_eq!(full(&client).await, before);
        let later = train(&client, "t", 7..=9, 80.0).await;
        assert_eq!(later, train(&client, "fresh", 7..=9, 80.0).await);
        end(&client, "t", v1::TrialState::Succeeded).await;
        let count = 3 + resumed.len() + later.len();
        assert_eq!(full(&client).await.observation_count as usize, count);
        server.stop().await;
    }
}

async fn end(client: &Client, trial: &str, state: v1::TrialState) {
    let request = v1::CompleteTrialRequest {
        name: format!("experiments/e/trials/{trial}"),
        state: state.into(),
        message: "gone".to_owned(),
    };
    // One that a verdict has ended stays as it is.
    if let Err(error) = client.complete_trial(request).await {
        assert_eq!(error.reason().as_deref(), Some("TRIAL_ENDED"), "{error}");
    }
}
