//! What is in memory is the log, whoever goes away in the middle of a call.

use std::{sync::Arc, time::Duration};

use peng_client::{Client, Credentials, v1};
use peng_proto::v1::prediction_service_client::PredictionServiceClient;
use peng_server::{Config, Server};
use peng_store::Seq;
use tokio::task::JoinHandle;
use tonic::{Code, Status, transport::Channel};

use crate::{
    gated::Gated,
    harness::{Running, config},
};

pub(crate) const PARENT: &str = "experiments/e";

pub(crate) fn name(trial: &str) -> String {
    format!("{PARENT}/trials/{trial}")
}

/// A server on a store with gates, with an experiment that compares its trials and some of them.
pub(crate) struct Case {
    pub(crate) store: Arc<Gated>,
    pub(crate) server: Running,
    pub(crate) client: Client,
    /// Tries nothing again.
    pub(crate) once: PredictionServiceClient<Channel>,
}

/// One that compares its trials.
pub(crate) fn experiment(id: &str) -> v1::CreateExperimentRequest {
    let policy = v1::policy::Policy::Asha(v1::AshaPolicy::default());
    v1::CreateExperimentRequest {
        experiment_id: id.to_owned(),
        experiment: Some(v1::Experiment {
            target_epoch: 20.0,
            policy: Some(v1::Policy {
                policy: Some(policy),
            }),
            ..v1::Experiment::default()
        }),
    }
}

pub(crate) async fn start(config: Config, trials: &[&str]) -> Case {
    let store = Gated::new().await;
    let server = Running::run(Server::bind(config, store.clone()).await.unwrap());
    let client = server.client("http", Credentials::default());
    client.create_experiment(experiment("e")).await.unwrap();
    for trial in trials {
        let request = v1::CreateTrialRequest {
            parent: PARENT.to_owned(),
            trial_id: (*trial).to_owned(),
            trial: None,
        };
        client.create_trial(request).await.unwrap();
    }
    let endpoint = format!("http://{}", server.address);
    let once = PredictionServiceClient::connect(endpoint).await.unwrap();
    Case {
        store,
        server,
        client,
        once,
    }
}

impl Case {
    /// A call of its own.
    pub(crate) fn report(
        &self,
        trial: &str,
        epoch: u32,
        value: f64,
    ) -> JoinHandle<Result<(), Status>> {
        let request = v1::ReportObservationRequest {
            trial: name(trial),
            observation: Some(v1::Observation {
                epoch: epoch.into(),
                value,
            }),
        };
        let mut once = self.once.clone();
        tokio::spawn(async move { once.report_observation(request).await.map(drop) })
    }

    /// The trial's epochs, as the server remembers them and as they are logged.
    async fn epochs(&self, trial: &str) -> [Vec<f64>; 2] {
        let request = v1::GetTrialRequest {
            name: name(trial),
            view: v1::TrialView::Full.into(),
        };
        let remembered = self.client.get_trial(request).await.unwrap().trial;
        let request = v1::ListTrialsRequest {
            parent: PARENT.to_owned(),
            view: v1::TrialView::Full.into(),
            ..v1::ListTrialsRequest::default()
        };
        let logged = self.client.list_trials(request).await.unwrap().trials;
        let logged = logged.into_iter().find(|logged| logged.name == name(trial));
        [remembered, logged].map(|trial| {
            let observations = trial.unwrap().observations.into_iter();
            observations
                .map(|decided| decided.observation.unwrap().epoch)
                .collect()
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_stays_in_memory_until_its_writes_are_on_disk() {
    let mut config = config();
    config.limits.trials_in_memory = 1;
    let case = start(config, &["a", "b"]).await;
    // In memory, and nothing else is.
    case.report("a", 1, 10.0).await.unwrap().unwrap();
    let commits = &case.store.commits;
    let before = commits.arrived();
    commits.close();
    let gone = case.report("a", 2, 20.0);
    commits.has_seen(before + 1).await;
    gone.abort();
    // Nothing tells when the server has heard of that.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let other = case.report("b", 1, 10.0);
    let reads = case.store.curves.arrived();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let next = case.report("a", 3, 30.0);
    tokio::time::sleep(Duration::from_millis(200)).await;
    commits.reopen();
    other.await.unwrap().unwrap();
    next.await.unwrap().unwrap();
    // The same again is no new observation.
    case.report("a", 2, 20.0).await.unwrap().unwrap();
    assert_eq!(case.epochs("a").await, [[1.0, 2.0, 3.0]; 2]);
    assert!(reads > 0);
    case.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_is_in_memory_once_whoever_fails_to_read_it() {
    let mut config = config();
    config.limits.trials_in_memory = 1;
    let case = start(config, &["a", "b"]).await;
    case.report("b", 1, 10.0).await.unwrap().unwrap();
    let (curves, commits) = (&case.store.curves, &case.store.commits);
    let before = curves.arrived();
    curves.close();
    // Both wait for the trial, which one of them reads.
    let both = [1, 2].map(|epoch| case.report("a", epoch, 10.0));
    curves.has_seen(before + 1).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let before = commits.arrived();
    commits.close();
    curves.fail_one();
    curves.reopen();
    commits.has_seen(before + 1).await;
    let next = case.report("a", 3, 30.0);
    tokio::time::sleep(Duration::from_millis(200)).await;
    commits.reopen();
    let mut told = Vec::new();
    for (epoch, report) in [1.0, 2.0].into_iter().zip(both) {
        match report.await.unwrap() {
            Ok(()) => told.push(epoch),
            Err(status) => assert_eq!(status.code(), Code::Unavailable),
        }
    }
    next.await.unwrap().unwrap();
    told.push(3.0);
    assert_eq!(told.len(), 2);
    let again = case.report("a", if told[0] < 2.0 { 1 } else { 2 }, 10.0);
    again.await.unwrap().unwrap();
    assert_eq!(case.epochs("a").await, [told.clone(), told]);
    case.server.stop().await;
}

/// Those that nobody needs are read again when they are asked for.
#[tokio::test(flavor = "multi_thread")]
async fn experiments_that_are_idle_leave_memory() {
    let case = start(config(), &["a"]).await;
    let asked = async |id: String| {
        let name = format!("experiments/{id}");
        let request = v1::GetExperimentRequest { name };
        case.client.get_experiment(request).await.unwrap();
    };
    let read = || case.store.logs.arrived();
    for number in 0..1_100 {
        let request = experiment(&format!("e{number}"));
        case.client.create_experiment(request).await.unwrap();
        asked(format!("e{number}")).await;
    }
    let before = read();
    asked("e1099".to_owned()).await;
    // Its trial is in memory, and it with that.
    asked("e".to_owned()).await;
    assert_eq!(read(), before);
    asked("e0".to_owned()).await;
    assert!(read() > before);
    case.server.stop().await;
}

/// What an asker that has gone leaves unread would be read again and again.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_read_to_its_end_though_nobody_waits_that_long() {
    let case = start(config(), &["a"]).await;
    case.report("a", 1, 10.0).await.unwrap().unwrap();
    case.server.stop().await;
    let server = Running::run(Server::bind(config(), case.store.clone()).await.unwrap());
    let endpoint = format!("http://{}", server.address);
    let once = PredictionServiceClient::connect(endpoint).await.unwrap();
    let case = Case {
        server,
        once,
        ..case
    };
    let pages = || case.store.pages.lock().unwrap().clone();
    let known = pages().len();
    let logs = &case.store.logs;
    let before = logs.arrived();
    logs.close();
    for epoch in [2, 3] {
        let gone = case.report("a", epoch, 10.0);
        logs.has_seen(before + 1).await;
        gone.abort();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    logs.reopen();
    case.report("a", 4, 10.0).await.unwrap().unwrap();
    let read = &pages()[known..];
    let begun = read.iter().filter(|after| **after == Seq::START);
    assert_eq!(begun.count(), 1, "{read:?}");
    case.server.stop().await;
}

/// That an epoch is taken is not told before it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_rests_on_what_is_on_disk() {
    let case = start(config(), &["a"]).await;
    let commits = &case.store.commits;
    let before = commits.arrived();
    commits.close();
    let first = case.report("a", 1, 10.0);
    commits.has_seen(before + 1).await;
    let second = case.report("a", 1, 20.0);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!second.is_finished());
    commits.fail_one();
    commits.reopen();
    let refused = first.await.unwrap().unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    second.await.unwrap().unwrap();
    assert_eq!(case.epochs("a").await, [[1.0]; 2]);
    // Nor is what was lost among the decisions that were logged.
    let page = case.server.metrics.text();
    let counted = page
        .lines()
        .filter(|line| line.starts_with("peng4nn_verdicts_total{"));
    let counted: Vec<_> = counted.filter_map(|line| line.split(' ').nth(1)).collect();
    assert_eq!(counted, ["1"], "{page}");
    case.server.stop().await;
}
