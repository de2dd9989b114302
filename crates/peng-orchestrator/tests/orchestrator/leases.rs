//! Leases that are lost, given back or held by nobody who listens.

use std::{sync::Arc, time::Duration};

use peng_client::Options;
use peng_proto::v1::{self, lease_candidate_response::Work};
use peng_search::candidate::State;
use peng_store::Sqlite;

use crate::harness::{
    Running, assignment, complete, config, evaluate, finish, lease, takeover, train,
};

async fn start(lease: Duration) -> Running {
    let mut config = config();
    config.settings.lease = lease;
    Running::start(config, Arc::new(Sqlite::in_memory().await.unwrap())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_candidate_is_lent_again_and_evaluated_once() {
    let running = start(Duration::from_secs(2)).await;
    let dead = assignment(&running.client, "dead").await;
    let mut reporter = running.client.reporter(dead.trial.to_string());
    reporter.report(1.0, 20.0).await.unwrap();
    finish(&running).await;
    running.orchestrator.drain().await;

    let candidate = running.candidate(1).await;
    assert_eq!((candidate.attempt, candidate.losses), (2, 1));
    assert!(candidate.fitness().is_some());
    assert_eq!(
        running.trial("c0001-1").await.state(),
        v1::TrialState::Preempted
    );
    assert_ne!(
        running.trial("c0001-2").await.state(),
        v1::TrialState::Running
    );

    let outcome = v1::Outcome {
        measured: Some(99.0),
        epochs: 12.0,
        ..v1::Outcome::default()
    };
    let late = complete(
        &running.client,
        &dead,
        v1::CandidateState::Succeeded,
        outcome,
    )
    .await;
    assert_eq!(late.unwrap_err().reason().as_deref(), Some("LEASE_LOST"));
    assert_eq!(running.candidate(1).await, candidate);
    let late = reporter.report(2.0, 30.0).await.unwrap_err();
    assert_eq!(late.code(), Some(tonic::Code::FailedPrecondition));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_candidate_that_is_lost_too_often_fails() {
    let mut config = config();
    config.settings.lease = Duration::from_millis(50);
    config.settings.attempts = 1;
    let running = Running::start(config, Arc::new(Sqlite::in_memory().await.unwrap())).await;
    assignment(&running.client, "dead").await;
    let outcome = loop {
        match running.candidate(1).await.state {
            State::Settled(outcome) => break outcome,
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    assert_eq!(outcome.reason, "lost by its worker 1 times");
    assert_eq!(outcome.fitness(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn renewals_keep_a_lease() {
    let running = start(Duration::from_secs(2)).await;
    let held = assignment(&running.client, "slow").await;
    let request = v1::RenewLeaseRequest {
        candidate: held.candidate.to_string(),
        lease_token: held.lease.token.clone(),
    };
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(900)).await;
        running.client.renew_lease(request.clone()).await.unwrap();
    }
    evaluate(&running.client, &held).await;
    assert_eq!(running.candidate(1).await.attempt, 1);
    let refused = running.client.renew_lease(request).await.unwrap_err();
    assert_eq!(refused.reason().as_deref(), Some("ALREADY_SETTLED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_candidate_that_is_given_back_is_lent_at_once() {
    let running = start(Duration::from_secs(30)).await;
    let first = assignment(&running.client, "leaves").await;
    let preempted = v1::CandidateState::Preempted;
    let outcome = v1::Outcome {
        reason: "the node is drained".to_owned(),
        ..v1::Outcome::default()
    };
    for _ in 0..2 {
        let candidate = complete(&running.client, &first, preempted, outcome.clone())
            .await
            .unwrap();
        assert_eq!(candidate.state(), v1::CandidateState::Proposed);
    }
    let second = assignment(&running.client, "stays").await;
    assert_eq!(
        (second.candidate.clone(), second.attempt),
        (first.candidate.clone(), 2)
    );
    assert_eq!(second.seed, first.seed);
    running.orchestrator.drain().await;
    let trial = running.trial("c0001-1").await;
    assert_eq!(trial.state(), v1::TrialState::Preempted);
    assert_eq!(trial.message, "the node is drained");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crashed_worker_had_is_lent_at_once_and_counts_as_lost() {
    let mut config = config();
    config.settings.lease = Duration::from_hours(1);
    config.settings.attempts = 3;
    let running = Running::start(config, Arc::new(Sqlite::in_memory().await.unwrap())).await;
    let first = assignment(&running.client, "node-1").await;
    let other = assignment(&running.client, "node-2").await;
    let lost = v1::CandidateState::Lost;
    let outcome = v1::Outcome {
        reason: "SIGSEGV".to_owned(),
        ..v1::Outcome::default()
    };
    // Whoever watched it says so, and may say it again.
    for _ in 0..2 {
        let candidate = complete(&running.client, &first, lost, outcome.clone())
            .await
            .unwrap();
        assert_eq!(candidate.state(), v1::CandidateState::Proposed);
    }
    let second = assignment(&running.client, "node-1").await;
    assert_eq!((&second.candidate, second.attempt), (&first.candidate, 2));
    assert_eq!(running.candidate(1).await.losses, 1);
    // The orchestrator is told by who started the worker.
    running.orchestrator.lose("node-1", "killed").await.unwrap();
    running.orchestrator.lose("node-1", "killed").await.unwrap();
    let third = assignment(&running.client, "node-3").await;
    assert_eq!((&third.candidate, third.attempt), (&first.candidate, 3));
    assert_eq!(running.candidate(1).await.losses, 2);
    running.orchestrator.drain().await;
    for (trial, message) in [("c0001-1", "SIGSEGV"), ("c0001-2", "killed")] {
        let trial = running.trial(trial).await;
        assert_eq!(trial.state(), v1::TrialState::Preempted);
        assert_eq!(trial.message, message);
    }
    let candidate = complete(&running.client, &third, lost, outcome)
        .await
        .unwrap();
    assert_eq!(candidate.state(), v1::CandidateState::Failed);
    let reason = candidate.outcome.unwrap().reason;
    assert_eq!(reason, "lost by its worker 3 times");
    // Nobody else's.
    assert_eq!(running.candidate(2).await.losses, 0);
    assert_eq!(other.attempt, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_on_with_a_candidate_stays_in_its_trial() {
    let running = start(Duration::from_secs(1)).await;
    let client = &running.client;
    let give_back = async |assignment| {
        let preempted = v1::CandidateState::Preempted;
        let given = complete(client, assignment, preempted, v1::Outcome::default()).await;
        assert_eq!(given.unwrap().trial, assignment.trial.to_string());
    };
    let first = takeover(client, "first").await;
    assert!(!first.continued, "nobody had it before");
    train(client, &first, 2).await;
    give_back(&first).await;
    let second = takeover(client, "second").await;
    assert!(second.continued && second.attempt == 2 && second.trial == first.trial);
    let back = |epoch| v1::RollBackTrialRequest {
        name: second.trial.to_string(),
        epoch,
    };
    let answer = client
        .roll_back_trial(back(1.0))
        .await
        .unwrap()
        .trial
        .unwrap();
    assert_eq!(answer.state(), v1::TrialState::Running);
    assert_eq!(answer.observation_count, 1);
    // Lost without a word: who comes next has the same trial, which nothing ends any more. Once
    // all others are lent, too, a lease is waited for until it is lost.
    let third = loop {
        let next = takeover(client, "third").await;
        if next.candidate == first.candidate {
            break next;
        }
    };
    assert_eq!((third.attempt, &third.trial), (3, &first.trial));
    let answer = client
        .roll_back_trial(back(0.5))
        .await
        .unwrap()
        .trial
        .unwrap();
    assert_eq!(
        (answer.state(), answer.observation_count),
        (v1::TrialState::Running, 0)
    );
    // A worker that does not go on begins in a trial of its own.
    give_back(&third).await;
    let fourth = assignment(client, "fourth").await;
    assert_eq!(fourth.trial.id.as_str(), "c0001-4");
    assert!(!fourth.continued);
    let settled = evaluate(client, &fourth).await;
    assert_eq!(settled.trial, fourth.trial.to_string());
    running.orchestrator.told().await;
    let trial = running.trial("c0001-1").await;
    assert_eq!(trial.state(), v1::TrialState::Preempted);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_work_gets_it_or_is_told() {
    let running = start(Duration::from_secs(30)).await;
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(assignment(&running.client, "greedy").await);
    }
    assert!(matches!(
        lease(&running.client, "early", 0).await,
        Work::Idle(_)
    ));

    let client = running.client.clone();
    let waiting = tokio::spawn(async move { lease(&client, "waits", 30).await });
    for assignment in &held {
        evaluate(&running.client, assignment).await;
    }
    assert!(matches!(waiting.await.unwrap(), Work::Assignment(_)));

    for _ in 0..3 {
        assignment(&running.client, "greedy").await;
    }
    let impatient = running.client.with_options(Options {
        patience: Duration::ZERO,
        ..Options::default()
    });
    let request = v1::LeaseCandidateRequest {
        worker: "waits".to_owned(),
        wait: Some(Duration::from_secs(30).try_into().unwrap()),
        ..v1::LeaseCandidateRequest::default()
    };
    let waiting = tokio::spawn(async move { impatient.lease_candidate(request).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    running.leave();
    let told = waiting.await.unwrap().unwrap_err();
    assert_eq!(told.reason().as_deref(), Some("SHUTTING_DOWN"));
}
