//! What a server that leaves does to those who are with it.

use peng_client::{Credentials, v1};
use peng_proto::{error::reason_of, v1::prediction_service_client::PredictionServiceClient};

use crate::harness::{Running, config, experiment, trial};

const EVENTS: u32 = 5_000;

/// Its clients go on with the next server instead of reading all that this one has.
#[tokio::test(flavor = "multi_thread")]
async fn a_watch_of_a_long_log_ends_when_the_server_leaves() {
    let mut config = config();
    config.limits.trial_observations = EVENTS as usize;
    let server = Running::start(config).await;
    let client = server.client("http", Credentials::default());
    client.create_experiment(experiment("e")).await.unwrap();
    client.create_trial(trial("t")).await.unwrap();
    let mut reporter = client.reporter("experiments/e/trials/t");
    for epoch in 1..=EVENTS {
        reporter.send(f64::from(epoch) / 1_000.0, 50.0).unwrap();
    }
    while reporter.decided().await.unwrap().is_some() {}
    let endpoint = format!("http://{}", server.address);
    let mut watcher = PredictionServiceClient::connect(endpoint).await.unwrap();
    let request = v1::WatchExperimentRequest {
        name: "experiments/e".to_owned(),
        ..v1::WatchExperimentRequest::default()
    };
    let mut events = watcher
        .watch_experiment(request)
        .await
        .unwrap()
        .into_inner();
    events.message().await.unwrap().unwrap();
    let leaving = tokio::spawn(server.stop());
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let mut seen = 1;
    let status = loop {
        match events.message().await {
            Ok(event) => seen += u32::from(event.is_some()),
            Err(status) => break status,
        }
    };
    assert_eq!(reason_of(&status).as_deref(), Some("SHUTTING_DOWN"));
    assert!(seen < EVENTS, "{seen}");
    leaving.await.unwrap();
}
