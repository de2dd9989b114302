//! `WatchExperiment`: what is logged, then live; from any place on.

use peng_proto::v1::{self, watch_experiment_response::Event};
use tonic::{Code, Streaming};

use crate::harness::{InProcess, Predictions, observe, trial};

async fn watch(client: &mut Predictions, token: &str) -> Streaming<v1::WatchExperimentResponse> {
    let request = v1::WatchExperimentRequest {
        name: "experiments/e".to_owned(),
        resume_token: token.to_owned(),
    };
    client.watch_experiment(request).await.unwrap().into_inner()
}

async fn next(stream: &mut Streaming<v1::WatchExperimentResponse>) -> (String, String) {
    let event = stream.message().await.unwrap().unwrap();
    let told = match event.event.unwrap() {
        Event::Observed(observed) => observed.observation.unwrap().epoch.to_string(),
        Event::StateEntered(state) => v1::TrialState::try_from(state)
            .unwrap()
            .as_str_name()
            .to_owned(),
        Event::RolledBackTo(epoch) => format!("back to {epoch}"),
    };
    (event.resume_token, told)
}

#[tokio::test]
async fn a_watch_tells_the_log_and_then_what_happens() {
    let server = InProcess::start().await;
    let mut client = server.client().await;
    let name = trial(&mut client, "e", 20.0).await;
    observe(&mut client, &name, 1.0, 10.0).await.unwrap();
    let mut events = watch(&mut client, "").await;
    assert_eq!(next(&mut events).await.1, "TRIAL_STATE_RUNNING");
    let (token, told) = next(&mut events).await;
    assert_eq!(told, "1");
    observe(&mut client, &name, 2.0, f64::NAN).await.unwrap();
    assert_eq!(next(&mut events).await.1, "2");
    assert_eq!(next(&mut events).await.1, "TRIAL_STATE_STOPPED");
    let mut resumed = watch(&mut client, &token).await;
    assert_eq!(next(&mut resumed).await.1, "2");
    server.stop().await;
}

#[tokio::test]
async fn watches_and_streams_end_when_the_server_leaves() {
    let server = InProcess::start().await;
    let mut client = server.client().await;
    trial(&mut client, "e", 20.0).await;
    let mut events = watch(&mut client, "").await;
    next(&mut events).await;
    let silent = tokio_stream::pending();
    let mut answers = client
        .stream_observations(silent)
        .await
        .unwrap()
        .into_inner();
    server.stop().await;
    for status in [
        events.message().await.unwrap_err(),
        answers.message().await.unwrap_err(),
    ] {
        assert_eq!(status.code(), Code::Unavailable);
    }
}

#[tokio::test]
async fn a_token_that_is_none_is_refused() {
    let server = InProcess::start().await;
    let mut client = server.client().await;
    trial(&mut client, "e", 20.0).await;
    let request = v1::WatchExperimentRequest {
        name: "experiments/e".to_owned(),
        resume_token: "yesterday".to_owned(),
    };
    let status = client.watch_experiment(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    server.stop().await;
}
