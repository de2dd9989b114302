//! Verdicts settle candidates, with or without their worker.

use std::{sync::Arc, time::Duration};

use peng_orchestrator::progress::Kind;
use peng_predict::Mode;
use peng_proto::{search::Assignment, v1};
use peng_search::candidate::{Ending, Outcome};
use peng_store::Sqlite;
use tokio::time::timeout;

use crate::harness::{EPOCHS, Running, assignment, complete, config, train};

async fn start(mode: Mode) -> Running {
    let mut config = config();
    config.mode = mode;
    Running::start(config, Arc::new(Sqlite::in_memory().await.unwrap())).await
}

/// The outcome that the orchestrator settles the first candidate with.
async fn settled(running: &Running, train: impl Future<Output = ()>) -> Outcome {
    let mut events = running.orchestrator.subscribe();
    train.await;
    let outcome = async {
        loop {
            if let Kind::Settled(outcome) = events.recv().await.unwrap().kind {
                return outcome;
            }
        }
    };
    timeout(Duration::from_secs(10), outcome).await.unwrap()
}

/// An assignment whose curve saturates.
async fn saturating(running: &Running) -> Assignment {
    loop {
        let assignment = assignment(&running.client, "worker").await;
        if !(assignment.seed % 1_000).is_multiple_of(3) {
            return assignment;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watched_stop_settles_the_candidate_of_a_worker_that_says_no_more() {
    let running = start(Mode::Enforce).await;
    let held = saturating(&running).await;
    let outcome = settled(&running, async {
        assert!(train(&running.client, &held, EPOCHS).await.2);
    })
    .await;
    assert_eq!(outcome.ending, Ending::Stopped);
    let trial = running.trial(held.trial.id.as_str()).await;
    assert_eq!(outcome.predicted, trial.fitness);
    assert_eq!(outcome.stop_epoch, trial.stop.map(|stop| stop.epoch));

    // The worker's own word comes late, and twice: the first outcome stays.
    for state in [v1::CandidateState::Stopped, v1::CandidateState::Failed] {
        let late = complete(&running.client, &held, state, v1::Outcome::default())
            .await
            .unwrap();
        assert_eq!(late.state(), v1::CandidateState::Stopped);
        assert_eq!(late.outcome.unwrap().fitness, outcome.fitness());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_diverged_network_does_not_rank() {
    for mode in [Mode::Enforce, Mode::Advise] {
        let running = start(mode).await;
        let held = assignment(&running.client, "worker").await;
        let outcome = settled(&running, async {
            let mut reporter = running.client.reporter(held.trial.to_string());
            reporter.report(1.0, 60.0).await.unwrap();
            reporter.report(2.0, f64::NAN).await.unwrap();
            let outcome = v1::Outcome {
                epochs: 2.0,
                ..v1::Outcome::default()
            };
            let state = v1::CandidateState::Stopped;
            complete(&running.client, &held, state, outcome)
                .await
                .unwrap();
        })
        .await;
        assert_eq!((outcome.ending, outcome.epochs), (Ending::Stopped, 2.0));
        assert_eq!((outcome.measured, outcome.fitness()), (None, None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_cannot_stop_without_a_verdict() {
    let running = start(Mode::Enforce).await;
    let held = assignment(&running.client, "worker").await;
    let state = v1::CandidateState::Stopped;
    let refused = complete(&running.client, &held, state, v1::Outcome::default()).await;
    assert_eq!(
        refused.unwrap_err().reason().as_deref(),
        Some("NO_STOP_VERDICT")
    );

    let failure = v1::Outcome {
        reason: "out of memory".to_owned(),
        epochs: 1.0,
        ..v1::Outcome::default()
    };
    let state = v1::CandidateState::Failed;
    let failed = complete(&running.client, &held, state, failure)
        .await
        .unwrap();
    assert_eq!(failed.state(), v1::CandidateState::Failed);
    let outcome = failed.outcome.unwrap();
    assert_eq!(
        (outcome.fitness, outcome.reason.as_str()),
        (None, "out of memory")
    );
    running.orchestrator.drain().await;
    let trial = running.trial("c0001-1").await;
    assert_eq!(
        (trial.state(), trial.message.as_str()),
        (v1::TrialState::Failed, "out of memory")
    );
}
