//! Decisions for which there is no time.

use std::sync::Arc;

use peng_client::{Client, Credentials, v1};
use peng_predict::{Decision, Epoch, Observation, trial::Session};
use peng_proto::{experiment, trial::decision_to_wire};

use crate::harness::{Running, config, trial};

const EPOCHS: u32 = 400;

/// The family with the most parameters, over curves that are long for a training.
fn slow() -> v1::Experiment {
    let policy = v1::policy::Policy::Peng4nn(v1::Peng4nnPolicy {
        family: "wbl4".to_owned(),
        window: Some(20),
        ..v1::Peng4nnPolicy::default()
    });
    v1::Experiment {
        target_epoch: f64::from(2 * EPOCHS),
        policy: Some(v1::Policy {
            policy: Some(policy),
        }),
        ..v1::Experiment::default()
    }
}

/// Rises for long, and never quite in the same way.
fn value(epoch: u32) -> f64 {
    let noise = f64::from(epoch * 7_919 % 101) / 25.0;
    80.0 - 60.0 * (-0.01 * f64::from(epoch)).exp() + noise
}

async fn start(millis: usize) -> (Running, Client) {
    let mut config = config();
    config.limits.decision_millis = millis;
    let server = Running::start(config).await;
    let client = server.client("http", Credentials::default());
    let request = v1::CreateExperimentRequest {
        experiment_id: "e".to_owned(),
        experiment: Some(slow()),
    };
    client.create_experiment(request).await.unwrap();
    client.create_trial(trial("t")).await.unwrap();
    (server, client)
}

/// The decisions on all epochs, call by call.
async fn train(client: &Client) -> Vec<v1::Decision> {
    let mut told = Vec::new();
    for epoch in 1..=EPOCHS {
        told.push(report(client, epoch, value(epoch)).await);
    }
    told
}

async fn report(client: &Client, epoch: u32, value: f64) -> v1::Decision {
    let request = v1::ReportObservationRequest {
        trial: "experiments/e/trials/t".to_owned(),
        observation: Some(v1::Observation {
            epoch: epoch.into(),
            value,
        }),
    };
    let answer = client.report_observation(request).await.unwrap();
    answer.decision.unwrap()
}

/// Whatever the time sufficed for, each decision is that of an engine which was told as late
/// what the client was told as late: a decision that came too late has no say in later ones.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_family_is_answered_as_the_engine_decides_or_as_late() {
    let in_time = train_and_compare(60_000).await;
    assert_eq!(in_time.iter().filter(|decision| decision.stale).count(), 0);
    assert!(in_time.iter().any(|decision| decision.must_stop));
    train_and_compare(1).await;
    let late = train_and_compare(0).await;
    let stale = late.iter().filter(|decision| decision.stale).count();
    assert!(
        stale > late.len() / 2,
        "{stale} of {} are stale",
        late.len()
    );
    assert!(late.iter().all(|decision| !decision.must_stop));
}

async fn train_and_compare(millis: usize) -> Vec<v1::Decision> {
    let (server, client) = start(millis).await;
    let told = train(&client).await;
    let settings = Arc::new(experiment::parse(&slow()).unwrap());
    let mode = settings.mode;
    let mut session = Session::new(settings);
    for (epoch, told) in (1..).zip(&told) {
        let observation = Observation {
            epoch: Epoch::new(f64::from(epoch)).unwrap(),
            value: value(epoch),
        };
        let decision = if told.stale {
            let decision = Decision::out_of_time();
            session.record(observation, decision.clone()).unwrap();
            decision
        } else {
            session.observe(observation).unwrap()
        };
        assert_eq!(*told, decision_to_wire(&decision, mode), "epoch {epoch}");
    }
    // What was told is the log.
    assert_eq!(train(&client).await, told);
    server.stop().await;
    told
}

/// As many are passed over where the late decision is STOP, and what is told without a fit is told.
#[tokio::test(flavor = "multi_thread")]
async fn stops_that_are_late_are_passed_over_and_a_diverged_training_is_told() {
    let (server, client) = start(0).await;
    train(&client).await;
    let page = server.metrics.text();
    let fits = page
        .lines()
        .find_map(|line| line.strip_prefix("peng4nn_fit_seconds_count "));
    // The first 49 are too short to be late. Of the others 1, 2, 4 .. 64, 64 .. are passed over.
    let fits: u32 = fits.unwrap().parse().unwrap();
    assert!(fits <= 49 + 12, "{fits}");
    for (epoch, value) in [(EPOCHS + 1, f64::NAN), (EPOCHS + 2, 50.0)] {
        let decision = report(&client, epoch, value).await;
        assert!(decision.must_stop, "{decision:?}");
        assert_eq!(decision.reason(), v1::Reason::Diverged);
    }
    server.stop().await;
}
