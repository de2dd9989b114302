//! A server that is away for long: an hour's observations, without the hour.

use std::{collections::BTreeSet, time::Duration};

use peng_client::{Client, Error, Options};
use tonic::Code;

use crate::fake::{Fake, TRIAL, client};

/// Observations of an hour: one a second.
const HOUR: u32 = 3_600;

fn long(client: &Client) -> Client {
    client.with_options(Options {
        queue: 65_536,
        ..client_options()
    })
}

fn client_options() -> Options {
    Options {
        answer: Duration::from_millis(500),
        patience: Duration::from_millis(50),
        window: 8,
        ..Options::default()
    }
}

#[tokio::test]
async fn an_hour_without_server_loses_nothing() {
    let (address, state) = Fake::start().await.stop().await;
    let mut reporter = long(&client(address, Duration::ZERO)).reporter(TRIAL);
    for epoch in 1..=HOUR {
        reporter.send(f64::from(epoch), 50.0).unwrap();
        if epoch % 600 == 0 {
            let error = reporter.decided().await.unwrap_err();
            assert!(matches!(error, Error::GaveUp { .. }), "{error}");
        }
    }
    let fake = Fake::start_at(address, state).await;
    for epoch in 1..=HOUR {
        let decided = loop {
            match reporter.decided().await {
                Err(Error::GaveUp { .. }) => {}
                decided => break decided.unwrap().unwrap(),
            }
        };
        assert_eq!(
            decided.observation.epoch.to_bits(),
            f64::from(epoch).to_bits()
        );
        assert_eq!(decided.decision.explanation, format!("decision {epoch}"));
    }
    assert_eq!(reporter.unanswered(), 0);
    let received = fake.state.received.lock().unwrap();
    let epochs: BTreeSet<_> = received.iter().map(|(_, epoch)| epoch.to_bits()).collect();
    assert_eq!(epochs.len(), HOUR as usize);
}

#[tokio::test]
async fn what_a_process_took_along_the_next_one_delivers() {
    let folder = tempfile::tempdir().unwrap();
    let (address, state) = Fake::start().await.stop().await;
    let away = long(&client(address, Duration::ZERO)).with_spool(folder.path());
    let mut reporter = away.reporter(TRIAL);
    for epoch in 1..=100_u32 {
        reporter.send(f64::from(epoch), 50.0).unwrap();
    }
    // As if the process had died: nothing is said to anyone.
    drop(reporter);
    assert!(matches!(
        away.deliver_spooled().await,
        Err(Error::GaveUp { .. })
    ));
    let fake = Fake::start_at(address, state).await;
    let back = fake.client().with_spool(folder.path());
    assert_eq!(back.deliver_spooled().await.unwrap(), 100);
    assert_eq!(back.deliver_spooled().await.unwrap(), 0);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn what_a_server_takes_from_nobody_now_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::start().await;
    let client = fake.client().with_spool(folder.path());
    for trial in ["experiments/e/trials/a", "experiments/e/trials/b"] {
        client.reporter(trial).send(1.0, 50.0).unwrap();
    }
    let refused = [Code::PermissionDenied, Code::Internal];
    fake.state.faults.lock().unwrap().extend(refused);
    let error = client.deliver_spooled().await.unwrap_err();
    assert_eq!(error.code(), Some(Code::PermissionDenied));
    // One that passes is tried again at once.
    fake.state
        .faults
        .lock()
        .unwrap()
        .push_back(Code::Unavailable);
    assert_eq!(client.deliver_spooled().await.unwrap(), 2);
    // One that is about the observation is final.
    client.reporter(TRIAL).send(2.0, 50.0).unwrap();
    fake.state
        .faults
        .lock()
        .unwrap()
        .push_back(Code::AlreadyExists);
    assert_eq!(client.deliver_spooled().await.unwrap(), 0);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_trial_goes_on_where_the_process_before_was() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::start().await;
    let client = fake.client().with_spool(folder.path());
    let mut first = client.reporter(TRIAL);
    first.report(1.0, 50.0).await.unwrap();
    first.send(2.0, 51.0).unwrap();
    drop(first);
    let mut second = client.reporter(TRIAL);
    second.send(3.0, 52.0).unwrap();
    let mut epochs = Vec::new();
    while let Some(decided) = second.decided().await.unwrap() {
        epochs.push(decided.observation.epoch);
    }
    assert_eq!(epochs, [2.0, 3.0]);
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let fake = Fake::start().await;
    let error = fake
        .client()
        .with_spool(&file)
        .reporter(TRIAL)
        .send(1.0, 50.0)
        .unwrap_err();
    assert!(matches!(error, Error::Spool { .. }), "{error}");
    assert!(error.to_string().contains("file"), "{error}");
}
