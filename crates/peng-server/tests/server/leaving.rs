//! What a server that leaves does to those who are with it.

use std::time::Duration;

use peng_client::{Credentials, v1};
use peng_proto::{error::reason_of, v1::prediction_service_client::PredictionServiceClient};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse, health_client::HealthClient};

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
    tokio::time::sleep(Duration::from_millis(200)).await;
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

/// Who balances load sees it on the connection that it has, and keeps nobody waiting.
#[tokio::test(flavor = "multi_thread")]
async fn a_watch_of_the_health_is_told_and_a_live_stream_ends() {
    let config = config();
    let deadline = config.drain;
    let server = Running::start(config).await;
    let client = server.client("http", Credentials::default());
    client.create_experiment(experiment("e")).await.unwrap();
    client.create_trial(trial("t")).await.unwrap();
    let endpoint = format!("http://{}", server.address);
    let request = HealthCheckRequest {
        service: "peng4nn.v1.PredictionService".to_owned(),
    };
    let channel = tonic::transport::Endpoint::from_shared(endpoint.clone()).unwrap();
    let mut balancer = HealthClient::new(channel.connect().await.unwrap());
    let mut health = balancer.watch(request).await.unwrap().into_inner();
    let known = |status| Some(HealthCheckResponse { status });
    assert_eq!(health.message().await.unwrap(), known(1));
    let (live, requests) = futures::channel::mpsc::unbounded();
    let first = v1::StreamObservationsRequest {
        trial: "experiments/e/trials/t".to_owned(),
        observation: Some(v1::Observation {
            epoch: 1.0,
            value: 50.0,
        }),
    };
    live.unbounded_send(first).unwrap();
    let mut worker = PredictionServiceClient::connect(endpoint).await.unwrap();
    let stream = worker.stream_observations(requests).await;
    let mut decisions = stream.unwrap().into_inner();
    decisions.message().await.unwrap().unwrap();

    let leaving = tokio::spawn(tokio::time::timeout(deadline / 2, server.stop()));
    assert_eq!(health.message().await.unwrap(), known(2));
    let status = decisions.message().await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unavailable);
    assert_eq!(reason_of(&status).as_deref(), Some("SHUTTING_DOWN"));
    // Neither has let go of its connection.
    leaving.await.unwrap().unwrap();
    drop((live, health, balancer, worker));
}
