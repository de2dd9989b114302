//! Workers that report without pause, and remember every answer.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use peng_client::{Client, Options};
use peng_proto::v1;
use tokio::{task::JoinSet, time::sleep};
use tonic::{Code, Status};

use super::{Predictions, full};

const EXPERIMENTS: [&str; 2] = ["alone", "compared"];

/// Observations of a trial before the next begins.
const EPOCHS: u32 = 40;

/// An answer: the value reported at an epoch, and the decision on it.
type Answers = HashMap<u64, (f64, v1::Decision)>;

/// What every worker was told, by trial.
#[derive(Debug, Default)]
struct Acknowledged(Mutex<HashMap<String, Answers>>);

/// Workers under way.
pub(crate) struct Load {
    endpoints: Vec<String>,
    acknowledged: Arc<Acknowledged>,
    stop: Arc<AtomicBool>,
    workers: JoinSet<()>,
}

impl Load {
    /// Workers that go round the endpoints: half of them call by call, half of
    /// them over the pipelined streams of the client library.
    pub(crate) async fn start(endpoints: &[String], workers: usize) -> Self {
        let mut load = Self {
            endpoints: endpoints.to_vec(),
            acknowledged: Arc::default(),
            stop: Arc::default(),
            workers: JoinSet::new(),
        };
        load.create_experiments().await;
        let trials = Arc::new(AtomicU32::new(0));
        for worker in 0..workers {
            let worker = Worker {
                endpoints: load.endpoints.clone(),
                turn: worker,
                acknowledged: load.acknowledged.clone(),
                trials: trials.clone(),
                stop: load.stop.clone(),
            };
            load.workers.spawn(worker.run());
        }
        load
    }

    async fn create_experiments(&self) {
        let client = Client::connect_lazy(&self.endpoints[0], Options::patient()).unwrap();
        for id in EXPERIMENTS {
            let median = v1::policy::Policy::Median(v1::MedianPolicy::default());
            let policy = v1::Policy {
                policy: (id == "compared").then_some(median),
            };
            let request = v1::CreateExperimentRequest {
                experiment_id: id.to_owned(),
                experiment: Some(v1::Experiment {
                    target_epoch: 1e6,
                    policy: policy.policy.is_some().then_some(policy),
                    ..v1::Experiment::default()
                }),
            };
            client.create_experiment(request).await.unwrap();
        }
    }

    /// Everything that was acknowledged by now is there with the same decision,
    /// once. Returns how much that is.
    pub(crate) async fn verify(&self, client: &mut Predictions) -> usize {
        let acknowledged = self.acknowledged.0.lock().unwrap().clone();
        let mut count = 0;
        for (name, answers) in acknowledged {
            let stored = full(client, &name).await;
            let mut epochs: Vec<_> = stored.observations.iter().map(epoch).collect();
            epochs.dedup();
            assert_eq!(
                epochs.len(),
                stored.observations.len(),
                "{name} has an epoch twice"
            );
            let stored: HashMap<_, _> = stored
                .observations
                .iter()
                .map(|entry| (epoch(entry), entry))
                .collect();
            for (epoch, (value, decision)) in &answers {
                let entry = stored
                    .get(epoch)
                    .unwrap_or_else(|| panic!("{name} lost epoch {epoch}"));
                assert_eq!(
                    entry.observation.unwrap().value,
                    *value,
                    "{name}, epoch {epoch}"
                );
                assert_eq!(
                    entry.decision.as_ref(),
                    Some(decision),
                    "{name}, epoch {epoch}"
                );
            }
            count += answers.len();
        }
        count
    }

    /// How much was acknowledged so far.
    pub(crate) fn count(&self) -> usize {
        let acknowledged = self.acknowledged.0.lock().unwrap();
        acknowledged.values().map(HashMap::len).sum()
    }

    /// Forgets what has been verified of trials that have ended.
    pub(crate) fn forget_ended(&self) {
        let mut acknowledged = self.acknowledged.0.lock().unwrap();
        acknowledged.retain(|_, answers| answers.len() < EPOCHS as usize);
    }

    /// Lets the workers finish what they are at.
    pub(crate) async fn stop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.workers.join_next().await {
            ended.unwrap();
        }
    }
}

fn epoch(entry: &v1::DecidedObservation) -> u64 {
    entry.observation.unwrap().epoch.to_bits()
}

struct Worker {
    endpoints: Vec<String>,
    turn: usize,
    acknowledged: Arc<Acknowledged>,
    trials: Arc<AtomicU32>,
    stop: Arc<AtomicBool>,
}

impl Worker {
    async fn run(mut self) {
        let clients: Vec<_> = self
            .endpoints
            .iter()
            .map(|endpoint| lazy(endpoint))
            .collect();
        while !self.stop.load(Ordering::Relaxed) {
            self.turn += 1;
            let experiment = EXPERIMENTS[self.turn / 2 % 2];
            let number = self.trials.fetch_add(1, Ordering::Relaxed);
            let name = self.create(experiment, number).await;
            if self.turn.is_multiple_of(2) {
                self.call_by_call(&clients, &name).await;
            } else {
                self.pipelined(&name).await;
            }
        }
    }

    async fn create(&mut self, experiment: &str, number: u32) -> String {
        let client = self.client();
        let request = v1::CreateTrialRequest {
            parent: format!("experiments/{experiment}"),
            trial_id: format!("t{number}"),
            trial: None,
        };
        client
            .create_trial(request)
            .await
            .unwrap()
            .trial
            .unwrap()
            .name
    }

    fn client(&self) -> Client {
        let endpoint = &self.endpoints[self.turn % self.endpoints.len()];
        Client::connect_lazy(endpoint, Options::patient()).unwrap()
    }

    /// Each observation to the next endpoint, and to others until one answers.
    async fn call_by_call(&mut self, clients: &[Predictions], name: &str) {
        for epoch in 1..=EPOCHS {
            let value = value(name, epoch);
            let mut tries = 0;
            let decision = loop {
                self.turn += 2;
                let mut client = clients[self.turn / 2 % clients.len()].clone();
                let mut request = tonic::Request::new(super::report(name, f64::from(epoch), value));
                request.set_timeout(Duration::from_secs(5));
                match client.report_observation(request).await {
                    Ok(answer) => break answer.into_inner().decision.unwrap(),
                    Err(status) if is_transient(&status) && tries < 1_200 => tries += 1,
                    Err(status) => panic!("{name}, epoch {epoch}: {status:?}"),
                }
                sleep(Duration::from_millis(50)).await;
            };
            self.acknowledge(name, f64::from(epoch), value, decision);
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
        }
    }

    async fn pipelined(&mut self, name: &str) {
        let mut reporter = self.client().reporter(name);
        let mut sent = 0;
        loop {
            while sent < EPOCHS && reporter.unanswered() < 8 && !self.stop.load(Ordering::Relaxed) {
                sent += 1;
                reporter.send(f64::from(sent), value(name, sent)).unwrap();
            }
            let Some(decided) = reporter.decided().await.unwrap() else {
                return;
            };
            let observation = decided.observation;
            self.acknowledge(name, observation.epoch, observation.value, decided.decision);
        }
    }

    fn acknowledge(&self, name: &str, epoch: f64, value: f64, decision: v1::Decision) {
        let mut acknowledged = self.acknowledged.0.lock().unwrap();
        let answers = acknowledged.entry(name.to_owned()).or_default();
        answers.insert(epoch.to_bits(), (value, decision));
    }
}

/// A curve that goes up and down, and another for every trial.
fn value(name: &str, epoch: u32) -> f64 {
    let phase = name.bytes().map(f64::from).sum::<f64>();
    50.0 + 40.0 * (phase + 1.7 * f64::from(epoch)).sin()
}

fn lazy(endpoint: &str) -> Predictions {
    let endpoint = tonic::transport::Endpoint::from_shared(endpoint.to_owned()).unwrap();
    Predictions::new(
        endpoint
            .connect_timeout(Duration::from_secs(2))
            .connect_lazy(),
    )
}

fn is_transient(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown
    )
}
