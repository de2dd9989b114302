//! What a policy's predictions were worth, over the API.

use std::sync::Arc;

use peng_client::{Client, Credentials, v1};
use peng_server::Server;
use peng_store::Sqlite;

use crate::harness::{Running, config, trial};

const EPOCHS: u32 = 20;

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

async fn create(client: &Client, policy: v1::policy::Policy) {
    let request = v1::CreateExperimentRequest {
        experiment_id: "e".to_owned(),
        experiment: Some(v1::Experiment {
            target_epoch: EPOCHS.into(),
            policy: Some(v1::Policy {
                policy: Some(policy),
            }),
            ..v1::Experiment::default()
        }),
    };
    client.create_experiment(request).await.unwrap();
}

async fn account(client: &Client) -> Option<v1::Calibration> {
    let request = v1::GetExperimentRequest {
        name: "experiments/e".to_owned(),
    };
    let answer = client.get_experiment(request).await.unwrap();
    answer.experiment.unwrap().calibration
}

/// A number in [0, 1) that looks random.
fn noise(trial: u32, epoch: u32) -> f64 {
    let angle = f64::from(trial) * 12.9898 + f64::from(epoch) * 78.233;
    (angle.sin() * 43_758.545_3).fract().abs()
}

/// Of three trials two declare the steps of their rates.
fn schedule(trial: u32) -> Option<v1::RateSchedule> {
    let steps = v1::SteppedRate {
        epochs: vec![f64::from(10 + trial % 3)],
        factor: None,
    };
    (!trial.is_multiple_of(3)).then_some(v1::RateSchedule {
        shape: Some(v1::rate_schedule::Shape::Steps(steps)),
        warm_up_epochs: 0.0,
    })
}

/// Trains a trial to its end, whatever is decided, and ends it; `late` is gained in the last
/// quarter. Returns the explanations.
async fn train(client: &Client, trial: u32, late: f64) -> Vec<String> {
    let id = format!("t{trial}");
    let request = v1::CreateTrialRequest {
        parent: "experiments/e".to_owned(),
        trial_id: id.clone(),
        trial: Some(v1::Trial {
            schedule: schedule(trial),
            ..v1::Trial::default()
        }),
    };
    client.create_trial(request).await.unwrap();
    let name = format!("experiments/e/trials/{id}");
    let mut reporter = client.reporter(name.clone());
    let (end, rate) = (
        30.0 + 40.0 * noise(trial, 1000),
        0.2 + 0.3 * noise(trial, 2000),
    );
    let mut explanations = Vec::new();
    for epoch in 1..=EPOCHS {
        let learned = end * (1.0 - (-rate * f64::from(epoch)).exp()) + noise(trial, epoch);
        let gained = if epoch > EPOCHS * 3 / 4 { late } else { 0.0 };
        let decision = reporter.report(epoch.into(), learned + gained).await;
        explanations.push(decision.unwrap().explanation);
    }
    let request = v1::CompleteTrialRequest {
        name,
        state: v1::TrialState::Succeeded.into(),
        message: String::new(),
    };
    client.complete_trial(request).await.unwrap();
    explanations
}

#[tokio::test(flavor = "multi_thread")]
async fn intervals_that_no_longer_hold_are_widened_and_said_to_be_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (server, client) = start(folder.path()).await;
    let policy = v1::AdaptivePolicy {
        explore: Some(1.0),
        risk: Some(0.4),
        ..v1::AdaptivePolicy::default()
    };
    create(&client, v1::policy::Policy::Adaptive(policy)).await;
    let untried = account(&client).await.unwrap();
    assert_eq!((untried.stop_count, untried.coverage_90), (0, None));
    for trial in 0..40 {
        let said = train(&client, trial, 0.0).await;
        assert!(
            said.iter().all(|said| !said.contains("widened")),
            "{said:?}"
        );
    }
    let steady = account(&client).await.unwrap();
    assert!(steady.stop_count > 5 && steady.covered_50_count <= steady.covered_90_count);
    assert!(steady.coverage_90.unwrap() > 0.7, "{steady:?}");
    assert!((steady.risk - 0.4).abs() < 1e-12);
    // Networks from here on gain late or lose it again, each more than the one before: what was
    // learned of the others is wrong of them.
    let mut said = Vec::new();
    for trial in 40..70 {
        let late = f64::from(trial - 39);
        said = train(&client, trial, if trial % 2 == 0 { late } else { -late }).await;
    }
    let drifted = account(&client).await.unwrap();
    assert!(
        drifted.widening > 1.25 * steady.widening && drifted.coverage_90 < steady.coverage_90,
        "{steady:?} {drifted:?}"
    );
    let lost = drifted.false_stop_rate.unwrap() * f64::from(drifted.best_count);
    assert!(drifted.best_count > 0 && (lost - f64::from(drifted.lost_best_count)).abs() < 1e-9);
    assert!(said.iter().any(|said| said.contains("widened")), "{said:?}");
    let request = v1::GetTrialRequest {
        name: "experiments/e/trials/t69".to_owned(),
        ..v1::GetTrialRequest::default()
    };
    let trial = client.get_trial(request.clone()).await.unwrap();
    server.stop().await;
    let (server, client) = start(folder.path()).await;
    assert_eq!(account(&client).await, Some(drifted));
    assert_eq!(client.get_trial(request).await.unwrap(), trial);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_without_an_account_tells_none_and_predictions_have_both_intervals() {
    let folder = tempfile::tempdir().unwrap();
    let (server, client) = start(folder.path()).await;
    create(
        &client,
        v1::policy::Policy::Peng4nn(v1::Peng4nnPolicy::default()),
    )
    .await;
    assert_eq!(account(&client).await, None);
    client.create_trial(trial("t")).await.unwrap();
    let mut reporter = client.reporter("experiments/e/trials/t".to_owned());
    let mut last = None;
    for epoch in 1..=6 {
        let value = 80.0 - 60.0 * (-0.5 * f64::from(epoch)).exp() + noise(1, epoch);
        last = Some(reporter.report(epoch.into(), value).await.unwrap());
    }
    let prediction = last.unwrap().prediction.unwrap();
    let (most, half) = (
        prediction.interval.unwrap(),
        prediction.interval_50.unwrap(),
    );
    assert!((most.level - 0.9).abs() < 1e-12 && (half.level - 0.5).abs() < 1e-12);
    assert!(most.lower <= half.lower && half.upper <= most.upper);
    assert_eq!(prediction.widening, None);
    server.stop().await;
}
