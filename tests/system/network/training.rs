//! Trainings that report without pause, and what they must have been told in the end.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use peng_client::{Client, Options};
use peng_predict::{Epoch, Observation, trial::Session};
use peng_proto::{experiment, trial::decision_to_wire, v1};
use tokio::{
    task::{JoinHandle, JoinSet},
    time::sleep,
};

use super::site::Site;

const TRIALS: u32 = 8;
const EPOCHS: u32 = 60;
/// Observations of a trial that are under way at a time.
const WINDOW: usize = 6;
/// An epoch of training.
const EPOCH: Duration = Duration::from_millis(10);

/// A client that finds a silent server within two seconds and never gives up in a test.
fn options() -> Options {
    Options {
        connect: Duration::from_secs(1),
        answer: Duration::from_secs(2),
        patience: Duration::from_mins(2),
        keep_alive: Duration::from_secs(1),
        ..Options::default()
    }
}

fn settings() -> v1::Experiment {
    v1::Experiment {
        target_epoch: 120.0,
        ..v1::Experiment::default()
    }
}

fn value(trial: u32, epoch: u32) -> f64 {
    let speed = 0.05 + f64::from(trial) / 40.0;
    90.0 - f64::from(3 * trial) - 30.0 * (-speed * f64::from(epoch)).exp()
}

fn name(trial: u32) -> String {
    format!("experiments/e/trials/t-{trial}")
}

/// Trainings under way, and someone who watches.
pub(crate) struct Training {
    client: Client,
    answered: Arc<AtomicU32>,
    trials: JoinSet<(u32, Vec<v1::Decision>)>,
    watch: JoinHandle<HashMap<String, Vec<f64>>>,
}

impl Training {
    pub(crate) async fn start(endpoint: &str) -> Self {
        let connect = || Client::connect_lazy(endpoint, options()).unwrap();
        let client = connect();
        let request = v1::CreateExperimentRequest {
            experiment_id: "e".to_owned(),
            experiment: Some(settings()),
        };
        client.create_experiment(request).await.unwrap();
        let answered = Arc::new(AtomicU32::new(0));
        let mut trials = JoinSet::new();
        for trial in 0..TRIALS {
            let request = v1::CreateTrialRequest {
                parent: "experiments/e".to_owned(),
                trial_id: format!("t-{trial}"),
                trial: None,
            };
            client.create_trial(request).await.unwrap();
            let (client, answered) = (connect(), answered.clone());
            trials.spawn(async move {
                let decisions = if trial % 2 == 0 {
                    pipelined(client, trial, &answered).await
                } else {
                    call_by_call(client, trial, &answered).await
                };
                (trial, decisions)
            });
        }
        Self {
            watch: tokio::spawn(watch(connect())),
            client,
            answered,
            trials,
        }
    }

    /// Waits until that share of the observations has an answer.
    pub(crate) async fn reaches(&self, share: f64) {
        let due = f64::from(TRIALS * EPOCHS) * share;
        while f64::from(self.answered.load(Ordering::Relaxed)) < due {
            sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits for the end; all is there once, was seen once, and is as it should be.
    pub(crate) async fn verify(mut self, site: Site) {
        let mut stops = 0;
        while let Some(trained) = self.trials.join_next().await {
            let (trial, told) = trained.unwrap();
            let expected = expected(trial);
            assert_eq!(told, expected, "trial {trial}");
            let request = v1::GetTrialRequest {
                name: name(trial),
                view: v1::TrialView::Full.into(),
            };
            let stored = self.client.get_trial(request).await.unwrap().trial.unwrap();
            let logged = stored.observations.into_iter();
            let logged: Vec<_> = logged.map(|entry| entry.decision.unwrap()).collect();
            assert_eq!(logged, expected, "trial {trial}");
            stops += usize::from(told.iter().any(|decision| decision.must_stop));
        }
        assert!(stops > 0);
        let mut seen = self.watch.await.unwrap();
        for trial in 0..TRIALS {
            let epochs: Vec<_> = (1..=EPOCHS).map(f64::from).collect();
            assert_eq!(seen.remove(&name(trial)).unwrap(), epochs, "trial {trial}");
        }
        site.stop();
    }
}

async fn pipelined(client: Client, trial: u32, answered: &AtomicU32) -> Vec<v1::Decision> {
    let mut reporter = client.reporter(name(trial));
    let (mut sent, mut told) = (0, Vec::new());
    loop {
        while sent < EPOCHS && reporter.unanswered() < WINDOW {
            sent += 1;
            reporter.send(sent.into(), value(trial, sent)).unwrap();
        }
        let Some(decided) = reporter.decided().await.unwrap() else {
            return told;
        };
        answered.fetch_add(1, Ordering::Relaxed);
        told.push(decided.decision);
        assert_eq!(decided.observation.epoch, told.len() as f64);
        sleep(EPOCH).await;
    }
}

async fn call_by_call(client: Client, trial: u32, answered: &AtomicU32) -> Vec<v1::Decision> {
    let mut told = Vec::new();
    for epoch in 1..=EPOCHS {
        let request = v1::ReportObservationRequest {
            trial: name(trial),
            observation: Some(v1::Observation {
                epoch: epoch.into(),
                value: value(trial, epoch),
            }),
        };
        let answer = client.report_observation(request).await.unwrap();
        answered.fetch_add(1, Ordering::Relaxed);
        told.push(answer.decision.unwrap());
        sleep(EPOCH).await;
    }
    told
}

/// The epochs of each trial, as they are seen.
async fn watch(client: Client) -> HashMap<String, Vec<f64>> {
    let mut watcher = client.watch("experiments/e", "");
    let mut seen = HashMap::<_, Vec<_>>::new();
    for _ in 0..TRIALS * EPOCHS {
        let (trial, epoch) = loop {
            let event = watcher.next().await.unwrap();
            if let Some(v1::watch_experiment_response::Event::Observed(observed)) = event.event {
                break (event.trial, observed.observation.unwrap().epoch);
            }
        };
        seen.entry(trial).or_default().push(epoch);
    }
    seen
}

/// What a server says over a network that never fails.
fn expected(trial: u32) -> Vec<v1::Decision> {
    let settings = Arc::new(experiment::parse(&settings()).unwrap());
    let mode = settings.mode;
    let mut session = Session::new(settings);
    let decide = |epoch| {
        let observation = Observation {
            epoch: Epoch::new(f64::from(epoch)).unwrap(),
            value: value(trial, epoch),
        };
        decision_to_wire(&session.observe(observation).unwrap(), mode)
    };
    (1..=EPOCHS).map(decide).collect()
}
