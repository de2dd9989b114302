use std::time::{Duration, Instant};

use peng_client::{Client, Error, Options};
use peng_proto::{
    error::{Error as WireError, Reason},
    v1::{CompleteTrialRequest, GetTrialRequest},
};
use tonic::{Code, Status};

use crate::fake::{Fake, TRIAL, client};

fn get() -> GetTrialRequest {
    GetTrialRequest {
        name: TRIAL.to_owned(),
        ..GetTrialRequest::default()
    }
}

fn passing(message: &str) -> Status {
    WireError::new(Reason::StorageUnavailable, message).into()
}

#[tokio::test]
async fn a_call_outlasts_a_server_that_is_unavailable_for_a_while() {
    let fake = Fake::start().await;
    fake.state
        .failures
        .lock()
        .unwrap()
        .extend((0..4).map(|_| Status::unavailable("busy")));
    let trial = fake.client().get_trial(get()).await.unwrap().trial.unwrap();
    assert_eq!(trial.name, TRIAL);
    assert_eq!(*fake.state.calls.lock().unwrap(), 5);
}

#[tokio::test]
async fn it_waits_for_as_long_as_the_server_asks() {
    let fake = Fake::start().await;
    fake.state
        .failures
        .lock()
        .unwrap()
        .push_back(passing("the disk is slow"));
    let began = Instant::now();
    fake.client().get_trial(get()).await.unwrap();
    assert!(
        began.elapsed() >= Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_refusal_is_told_at_once() {
    let fake = Fake::start().await;
    for reason in [Reason::NotFound, Reason::InvalidField, Reason::Internal] {
        *fake.state.calls.lock().unwrap() = 0;
        let refusal = WireError::new(reason, "no such trial").into();
        fake.state.failures.lock().unwrap().push_back(refusal);
        let error = fake.client().get_trial(get()).await.unwrap_err();
        assert_eq!(error.code(), Some(reason.code()));
        assert_eq!(error.reason().as_deref(), Some(reason.as_str()));
        assert_eq!(error.to_string(), "get_trial: no such trial");
        assert_eq!(*fake.state.calls.lock().unwrap(), 1, "{reason:?}");
    }
}

#[tokio::test]
async fn patience_ends() {
    // A port on which no one listens.
    let (address, _) = Fake::start().await.stop().await;
    let began = Instant::now();
    let error = client(address, Duration::from_millis(300))
        .get_trial(get())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::GaveUp { .. }), "{error}");
    assert_eq!(error.code(), Some(Code::Unavailable));
    let text = error.to_string();
    assert!(
        text.contains("tcp connect error: Connection refused"),
        "{text}"
    );
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_server_that_never_answers_is_left() {
    let fake = Fake::start().await;
    let request = CompleteTrialRequest::default();
    let error = client(fake.address, Duration::from_millis(600))
        .complete_trial(request)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::GaveUp { .. }), "{error}");
    assert_eq!(error.code(), Some(Code::DeadlineExceeded));
}

#[tokio::test]
async fn a_call_waits_for_a_server_that_starts_later() {
    let (address, state) = Fake::start().await.stop().await;
    let client = client(address, Duration::from_secs(20));
    let call = tokio::spawn(async move { client.get_trial(get()).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let _fake = Fake::start_at(address, state).await;
    call.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_address_that_is_none_is_named() {
    let error = Client::connect_lazy("http://no host", Options::default()).unwrap_err();
    assert!(error.to_string().contains("`http://no host`"), "{error}");
}
