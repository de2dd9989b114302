//! More than a server can do: it refuses what is too much, and does the rest as if it were not
//! there.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use peng_client::Credentials;
use peng_proto::{
    error::reason_of,
    v1::{self, prediction_service_client::PredictionServiceClient},
};
use tokio::task::JoinSet;
use tonic::{Code, Status, transport::Endpoint};
use tonic_types::StatusExt;

use crate::harness::{Running, config, experiment};

/// Callers, each with one call under way all the time, a few on each connection.
const CALLERS: usize = 400;
const CONNECTIONS: usize = 40;
/// Calls of a caller.
const CALLS: u32 = 20;
/// Calls that the server has under way.
const ADMITTED: usize = 16;

#[derive(Debug, Default)]
struct Told {
    /// For each call that was answered, how many others were answered while it waited.
    waits: Vec<usize>,
    refused: Vec<Status>,
}

async fn call_all_the_time(
    mut client: PredictionServiceClient<tonic::transport::Channel>,
    caller: usize,
    answered: Arc<AtomicUsize>,
) -> Told {
    let mut told = Told::default();
    for epoch in 1..=CALLS {
        let request = v1::ReportObservationRequest {
            trial: format!("experiments/e/trials/t{caller}"),
            observation: Some(v1::Observation {
                epoch: epoch.into(),
                value: 50.0,
            }),
        };
        let before = answered.load(Ordering::Relaxed);
        match client.report_observation(request).await {
            Ok(_) => told
                .waits
                .push(answered.fetch_add(1, Ordering::Relaxed) - before),
            Err(status) => told.refused.push(status),
        }
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_is_refused_and_the_rest_does_not_wait_for_it() {
    let mut config = config();
    config.limits.peer_calls = ADMITTED;
    config.limits.commit_queue = 8;
    config.limits.commit_size = 4;
    let server = Running::start(config).await;
    let client = server.client("http", Credentials::default());
    client.create_experiment(experiment("e")).await.unwrap();
    for caller in 0..CALLERS {
        let request = v1::CreateTrialRequest {
            parent: "experiments/e".to_owned(),
            trial_id: format!("t{caller}"),
            trial: None,
        };
        client.create_trial(request).await.unwrap();
    }
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address)).unwrap();
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        let channel = endpoint.connect().await.unwrap();
        connections.push(PredictionServiceClient::new(channel));
    }
    let answered = Arc::new(AtomicUsize::new(0));
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let client = connections[caller % CONNECTIONS].clone();
        callers.spawn(call_all_the_time(client, caller, answered.clone()));
    }
    let mut all = Told::default();
    while let Some(told) = callers.join_next().await {
        let told = told.unwrap();
        all.waits.extend(told.waits);
        all.refused.extend(told.refused);
    }
    assert_eq!(
        all.waits.len() + all.refused.len(),
        CALLERS * CALLS as usize
    );
    for status in &all.refused {
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        assert!(status.get_details_retry_info().is_some(), "{status}");
        let reason = reason_of(status).unwrap();
        assert!(
            ["TOO_MANY_CALLS", "OVERLOADED"].contains(&&*reason),
            "{reason}"
        );
    }
    all.waits.sort_unstable();
    let p99 = all.waits[all.waits.len() * 99 / 100];
    let refused = all.refused.len();
    println!(
        "{} answered, {refused} refused, p99 {p99} others",
        all.waits.len()
    );
    assert!(refused > CALLERS, "{refused}");
    // In a queue of all of them, each would wait for all the others.
    assert!(p99 < CALLERS / 2, "{p99}");
    // What was answered is there, and a caller that comes back finds room.
    let mut stored = 0;
    for caller in 0..CALLERS {
        let request = v1::GetTrialRequest {
            name: format!("experiments/e/trials/t{caller}"),
            ..Default::default()
        };
        let trial = client.get_trial(request).await.unwrap().trial.unwrap();
        stored += trial.observation_count as usize;
    }
    assert_eq!(stored, all.waits.len());
    server.stop().await;
}
