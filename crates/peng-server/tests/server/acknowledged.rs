//! What an answer tells is on disk, and what follows from a call is done though nobody waits for it.

use std::time::{Duration, Instant};

use peng_client::v1;
use tokio::time::sleep;
use tonic::Code;

use crate::{
    harness::config,
    memory::{Case, PARENT, name, start},
    metrics::value,
};

/// Of the experiment whose policy keeps an account.
const TRIALS: u32 = 15;
const DELETIONS: &str =
    "peng4nn_open_calls{method=\"/peng4nn.v1.PredictionService/DeleteExperiment\"}";

/// Waits until a metric has a value.
async fn reads(case: &Case, metric: &str, expected: f64) {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let found = value(&case.server.metrics.text(), metric);
        if found.to_bits() == expected.to_bits() {
            return;
        }
        assert!(Instant::now() < end, "{metric}is {found}, not {expected}");
        sleep(Duration::from_millis(2)).await;
    }
}

fn complete(trial: &str, state: v1::TrialState) -> v1::CompleteTrialRequest {
    v1::CompleteTrialRequest {
        name: name(trial),
        state: state.into(),
        message: String::new(),
    }
}

/// What was under way at a STOP may follow it, and here it hangs behind the trial's end.
#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_trial_tells_no_observation_that_is_not_on_disk() {
    let case = start(config(), &["a"]).await;
    case.report("a", 1, f64::NAN).await.unwrap().unwrap();
    let commits = &case.store.commits;
    let before = commits.arrived();
    commits.close();
    let mut once = case.once.clone();
    let request = complete("a", v1::TrialState::Stopped);
    let ends = tokio::spawn(async move { once.complete_trial(request).await });
    commits.has_seen(before + 1).await;
    let follows = case.report("a", 2, 20.0);
    reads(&case, "peng4nn_commit_queue ", 1.0).await;
    commits.let_one();
    let ended = ends.await.unwrap().unwrap().into_inner().trial.unwrap();
    assert_eq!(ended.observation_count, 1);
    assert_eq!(ended.state(), v1::TrialState::Stopped);
    commits.reopen();
    follows.await.unwrap().unwrap();
    case.server.stop().await;
}

/// Trains a trial to its end, which is not told yet.
async fn train(case: &Case, trial: u32, height: f64) {
    let id = format!("t{trial}");
    let request = v1::CreateTrialRequest {
        parent: "experiments/adaptive".to_owned(),
        trial_id: id.clone(),
        trial: None,
    };
    case.client.create_trial(request).await.unwrap();
    let mut reporter = case
        .client
        .reporter(format!("experiments/adaptive/trials/{id}"));
    for epoch in 1..=20 {
        let rises = 1.0 - (-0.3 * f64::from(epoch)).exp();
        let value = 10.0 + height * rises;
        reporter.report(epoch.into(), value).await.unwrap();
    }
}

/// The account of a policy rests on the ends of trials, and here each hangs and fails at first.
#[tokio::test(flavor = "multi_thread")]
async fn the_account_of_predictions_tells_no_end_that_is_not_on_disk() {
    let case = start(config(), &[]).await;
    let policy = v1::policy::Policy::Adaptive(v1::AdaptivePolicy {
        explore: Some(1.0),
        risk: Some(0.4),
        ..v1::AdaptivePolicy::default()
    });
    let request = v1::CreateExperimentRequest {
        experiment_id: "adaptive".to_owned(),
        experiment: Some(v1::Experiment {
            target_epoch: 20.0,
            policy: Some(v1::Policy {
                policy: Some(policy),
            }),
            ..v1::Experiment::default()
        }),
    };
    case.client.create_experiment(request).await.unwrap();
    let account = || {
        let request = v1::GetExperimentRequest {
            name: "experiments/adaptive".to_owned(),
        };
        let mut once = case.once.clone();
        async move {
            let answer = once.get_experiment(request).await.unwrap().into_inner();
            answer.experiment.unwrap().calibration.unwrap()
        }
    };
    let end = |trial: u32| v1::CompleteTrialRequest {
        name: format!("experiments/adaptive/trials/t{trial}"),
        state: v1::TrialState::Succeeded.into(),
        message: String::new(),
    };
    let mut has_changed = false;
    for trial in 0..TRIALS {
        train(&case, trial, f64::from(30 + trial * 37 % 50)).await;
        let known = account().await;
        let commits = &case.store.commits;
        let before = commits.arrived();
        commits.close();
        let mut once = case.once.clone();
        let request = end(trial);
        let ends = tokio::spawn(async move { once.complete_trial(request).await });
        commits.has_seen(before + 1).await;
        let asked = tokio::spawn(account());
        reads(&case, "peng4nn_commit_queue ", 1.0).await;
        commits.fail_one();
        let failed = ends.await.unwrap().unwrap_err();
        assert_eq!(failed.code(), Code::Unavailable);
        commits.reopen();
        assert_eq!(asked.await.unwrap(), known);
        case.client.complete_trial(end(trial)).await.unwrap();
        has_changed |= account().await != known;
    }
    assert!(has_changed, "no end of a trial has told anything");
    case.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_from_a_deletion_is_done_though_who_asked_has_gone() {
    let case = start(config(), &["a"]).await;
    let mut watch = case.client.watch(PARENT, "");
    watch.next().await.unwrap();
    let deletions = &case.store.deletions;
    deletions.close();
    let request = v1::DeleteExperimentRequest {
        name: PARENT.to_owned(),
        force: true,
        allow_missing: false,
    };
    let mut once = case.once.clone();
    let gone = tokio::spawn(async move { once.delete_experiment(request).await });
    deletions.has_seen(1).await;
    gone.abort();
    reads(&case, &format!("{DELETIONS} "), 0.0).await;
    deletions.reopen();
    let ended = watch.next().await.unwrap_err();
    assert!(ended.to_string().contains("was deleted"), "{ended}");
    case.server.stop().await;
}
