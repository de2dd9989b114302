use std::time::Duration;

use peng_client::Error;
use peng_proto::error::{Error as WireError, Reason};
use tonic::{Code, Status};

use crate::fake::{Break, Fake, TRIAL, client};

#[tokio::test]
async fn every_break_is_mended_and_every_decision_comes_once() {
    let fake = Fake::start().await;
    fake.state.breaks.lock().unwrap().extend([
        Break::Fail {
            after: 2,
            status: Status::unavailable("leaves"),
        },
        Break::End { after: 0 },
        Break::End { after: 3 },
        Break::Hang { after: 1 },
        Break::Fail {
            after: 1,
            status: Status::unavailable("leaves"),
        },
    ]);
    let mut reporter = fake.client().reporter(TRIAL);
    for n in 1..=12_u32 {
        let decision = reporter.report(f64::from(n), 50.0).await.unwrap();
        assert_eq!(decision.explanation, format!("decision {n}"));
    }
    assert_eq!(reporter.unanswered(), 0);
    let received = fake.state.received.lock().unwrap();
    assert!(
        received.iter().all(|(trial, _)| trial == TRIAL),
        "{received:?}"
    );
}

#[tokio::test]
async fn what_had_no_answer_is_sent_again() {
    let fake = Fake::start().await;
    fake.state
        .breaks
        .lock()
        .unwrap()
        .push_back(Break::End { after: 2 });
    let mut reporter = fake.client().reporter(TRIAL);
    for n in 1..=6_u32 {
        reporter.send(f64::from(n), 50.0).unwrap();
    }
    let mut epochs = Vec::new();
    while let Some(decided) = reporter.decided().await.unwrap() {
        assert_eq!(
            decided.decision.explanation,
            format!("decision {}", epochs.len() + 1)
        );
        epochs.push(decided.observation.epoch);
    }
    assert_eq!(epochs, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
}

#[tokio::test]
async fn a_dropped_future_loses_nothing() {
    let fake = Fake::start().await;
    fake.state
        .breaks
        .lock()
        .unwrap()
        .push_back(Break::Hang { after: 0 });
    let mut reporter = fake.client().reporter(TRIAL);
    let report = reporter.report(1.0, 50.0);
    assert!(
        tokio::time::timeout(Duration::from_millis(50), report)
            .await
            .is_err()
    );
    assert_eq!(reporter.unanswered(), 1);
    let decision = reporter.report(2.0, 51.0).await.unwrap();
    assert_eq!(decision.explanation, "decision 2");
    assert_eq!(reporter.unanswered(), 0);
}

#[tokio::test]
async fn a_refused_observation_is_told_and_the_stream_goes_on() {
    let fake = Fake::start().await;
    let mut reporter = fake.client().reporter(TRIAL);
    reporter.report(1.0, 50.0).await.unwrap();
    let error = reporter.report(-1.0, 50.0).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::InvalidArgument));
    assert!(error.to_string().contains("is not positive"), "{error}");
    let decision = reporter.report(2.0, 50.0).await.unwrap();
    assert_eq!(decision.explanation, "decision 2");
}

#[tokio::test]
async fn a_trial_that_is_not_there_is_final() {
    let fake = Fake::start().await;
    let status = WireError::new(Reason::NotFound, "no such trial").into();
    let refusal = Break::Fail { after: 0, status };
    fake.state.breaks.lock().unwrap().push_back(refusal);
    let error = fake
        .client()
        .reporter(TRIAL)
        .report(1.0, 50.0)
        .await
        .unwrap_err();
    assert_eq!(error.reason().as_deref(), Some("NOT_FOUND"));
}

#[tokio::test]
async fn the_queue_is_bounded_and_goes_through_a_smaller_window() {
    let fake = Fake::start().await;
    let mut reporter = fake.client().reporter(TRIAL);
    let sent = (1..100_u32).take_while(|n| reporter.send(f64::from(*n), 1.0).is_ok());
    assert_eq!(sent.count(), 64);
    assert!(matches!(
        reporter.send(65.0, 1.0),
        Err(Error::Full { unanswered: 64, .. })
    ));
    let mut decided = 0;
    while reporter.decided().await.unwrap().is_some() {
        decided += 1;
    }
    assert_eq!(decided, 64);
}

#[tokio::test]
async fn without_a_server_it_gives_up_and_keeps_what_it_has() {
    let (address, state) = Fake::start().await.stop().await;
    let mut reporter = client(address, Duration::from_millis(200)).reporter(TRIAL);
    let error = reporter.report(1.0, 50.0).await.unwrap_err();
    assert!(matches!(error, Error::GaveUp { .. }), "{error}");
    assert_eq!(reporter.unanswered(), 1);
    let _fake = Fake::start_at(address, state).await;
    let decided = reporter.decided().await.unwrap().unwrap();
    assert_eq!(decided.decision.explanation, "decision 1");
}
