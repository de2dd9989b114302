//! SIGTERM with a thousand live streams: each ends in a way that is tried again, its client goes
//! on with the next server, and no verdict differs.

use std::{net::TcpListener, sync::Arc};

use peng_client::{Client, Options};
use peng_predict::{Epoch, Observation, trial::Session};
use peng_proto::{error::reason_of, experiment, trial::decision_to_wire, v1};
use tokio::{sync::Barrier, task::JoinSet};

use crate::harness::{Process, predictions};

const STREAMS: u32 = 1_000;
const CONNECTIONS: u32 = 4;
const EPOCHS: u32 = 8;
/// All have their decision on this one when the server is asked to leave.
const LEAVES_AT: u32 = 3;

fn settings() -> v1::Experiment {
    v1::Experiment {
        target_epoch: 20.0,
        ..v1::Experiment::default()
    }
}

fn value(trial: u32, epoch: u32) -> f64 {
    let speed = 0.3 + f64::from(trial % 7) / 10.0;
    90.0 - f64::from(trial % 50) - 30.0 * (-speed * f64::from(epoch)).exp()
}

fn serve(address: &str, data: &str) -> Process {
    let arguments = ["serve", "--listen", address, "--data", data];
    let mut server = Process::start("peng4nn", &arguments);
    server.wait_for("listening");
    server
}

/// One trial over one stream, from its first epoch to its last.
async fn train(client: Client, trial: u32, open: Arc<Barrier>) -> Vec<v1::Decision> {
    let mut reporter = client.reporter(format!("experiments/e/trials/t-{trial}"));
    let mut decisions = Vec::new();
    for epoch in 1..=EPOCHS {
        let value = value(trial, epoch);
        decisions.push(reporter.report(epoch.into(), value).await.unwrap());
        if epoch == LEAVES_AT {
            open.wait().await;
        }
    }
    decisions
}

/// What a server that is never interrupted says.
fn expected(trial: u32) -> Vec<v1::Decision> {
    let settings = Arc::new(experiment::parse(&settings()).unwrap());
    let mode = settings.mode;
    let mut session = Session::new(settings);
    let decide = |epoch| {
        let observation = Observation {
            epoch: Epoch::new(f64::from(epoch)).unwrap(),
            value: value(trial, epoch),
        };
        decision_to_wire(&session.observe(observation).unwrap(), mode)
    };
    (1..=EPOCHS).map(decide).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_streams_outlast_a_server_that_is_asked_to_leave() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
    let address = address.unwrap().to_string();
    let endpoint = format!("http://{address}");
    let mut first = serve(&address, data);
    let connect = || Client::connect_lazy(&endpoint, Options::patient()).unwrap();
    let clients: Vec<_> = (0..CONNECTIONS).map(|_| connect()).collect();
    let request = v1::CreateExperimentRequest {
        experiment_id: "e".to_owned(),
        experiment: Some(settings()),
    };
    clients[0].create_experiment(request).await.unwrap();
    let open = Arc::new(Barrier::new(STREAMS as usize + 1));
    let mut trials = JoinSet::new();
    for trial in 0..STREAMS {
        let client = clients[(trial % CONNECTIONS) as usize].clone();
        let open = open.clone();
        trials.spawn(async move {
            let request = v1::CreateTrialRequest {
                parent: "experiments/e".to_owned(),
                trial_id: format!("t-{trial}"),
                trial: None,
            };
            client.create_trial(request).await.unwrap();
            (trial, train(client, trial, open).await)
        });
    }
    // Without the client library: how a stream ends.
    let watch = v1::WatchExperimentRequest {
        name: "experiments/e".to_owned(),
        resume_token: String::new(),
    };
    let mut plain = predictions(&endpoint).await;
    let mut watch = plain.watch_experiment(watch).await.unwrap().into_inner();
    open.wait().await;
    let left = tokio::task::spawn_blocking(move || (first.signal("TERM"), first));
    let farewell = loop {
        match watch.message().await {
            Ok(event) => assert!(event.is_some(), "the watch ended without a status"),
            Err(status) => break status,
        }
    };
    assert_eq!(farewell.code(), tonic::Code::Unavailable, "{farewell}");
    assert_eq!(reason_of(&farewell).as_deref(), Some("SHUTTING_DOWN"));
    let (code, mut first) = left.await.unwrap();
    assert_eq!(code, Some(0));
    for line in first.said() {
        assert!(!line.contains("still open at the deadline"), "{line}");
    }
    let mut second = serve(&address, data);
    let mut stops = 0;
    while let Some(trained) = trials.join_next().await {
        let (trial, decisions) = trained.unwrap();
        assert_eq!(decisions, expected(trial), "trial {trial}");
        stops += usize::from(decisions.iter().any(|decision| decision.must_stop));
    }
    println!("{STREAMS} streams, {stops} of them stopped");
    assert!(stops > 0);
    assert_eq!(second.signal("TERM"), Some(0));
}
