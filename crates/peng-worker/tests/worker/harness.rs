use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use peng_client::{Client, Options, retry::Backoff, v1};
use peng_orchestrator::{Config, Orchestrator, progress::Snapshot};
use peng_predict::{Mode, policy};
use peng_proto::search::{Assignment, Method, Training as Plan};
use peng_search::{
    Settings,
    macro_space::{Input, Space},
    settings::{Algorithm, Goal},
};
use peng_server::Server;
use peng_store::Sqlite;
use peng_worker::{
    Error, Post, Worker,
    train::{Closing, Failure, Observation, Trainer, Training},
};
use tokio::{task::JoinHandle, time::sleep};
use tokio_util::sync::CancellationToken;

pub(crate) const EPOCHS: u32 = 12;

/// A search of six candidates at random.
pub(crate) fn config() -> Config {
    let input = Input {
        channels: 1,
        height: 28,
        width: 28,
    };
    Config {
        search: "searches/demo".parse().unwrap(),
        settings: Settings {
            algorithm: Algorithm::Random,
            space: Space::new(3, vec![4, 8], input, 10).unwrap().into(),
            seed: 7,
            candidates: 6,
            lease: Duration::from_secs(30),
            attempts: 3,
            goal: Goal::Maximize,
        },
        training: Plan {
            dataset: "synthetic".to_owned(),
            epochs: EPOCHS,
            train_images: 1_000,
            validation_images: 500,
            batch_size: 50,
            learning_rate: 0.05,
            momentum: 0.9,
            weight_decay: 0.0,
            split_seed: 1,
            method: Method::default(),
        },
        mode: Mode::Enforce,
        policy: policy::Spec::default(),
        predictor: String::new(),
        leaving: CancellationToken::new(),
    }
}

/// Server and orchestrator in one.
pub(crate) struct Service {
    pub(crate) orchestrator: Orchestrator,
    pub(crate) client: Client,
    pub(crate) address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Service {
    pub(crate) async fn start(config: Config) -> Self {
        let store = Arc::new(Sqlite::in_memory().await.unwrap());
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), config, store).await
    }

    pub(crate) async fn start_at(
        listen: SocketAddr,
        mut config: Config,
        store: Arc<Sqlite>,
    ) -> Self {
        let place = peng_server::Config::new(listen);
        let mut server = Server::bind(place, store.clone()).await.unwrap();
        let address = server.local_addr();
        let client = client(address);
        config.leaving = server.leaving();
        let orchestrator = Orchestrator::open(config, store, client.clone());
        let orchestrator = orchestrator.await.unwrap();
        server.add_service(orchestrator.service()).await;
        let stop = CancellationToken::new();
        let shutdown = stop.clone().cancelled_owned();
        let serving = tokio::spawn(async move { server.run(shutdown).await.unwrap() });
        orchestrator.start().await.unwrap();
        Self {
            orchestrator,
            client,
            address,
            stop,
            serving,
        }
    }

    /// Ends server and orchestrator.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.orchestrator.drain().await;
        self.serving.await.unwrap();
    }

    pub(crate) fn worker(&self, slots: usize, trainer: &Arc<Synthetic>) -> Worker {
        Worker {
            orchestrator: self.client.clone(),
            slots: (1..=slots)
                .map(|number| Post {
                    name: format!("w-{number}"),
                    trainer: trainer.clone(),
                })
                .collect(),
            verdict_wait: Duration::from_millis(100),
            once: false,
            show: Arc::new(|_| {}),
        }
    }

    pub(crate) async fn snapshot(&self) -> Snapshot {
        self.orchestrator.snapshot().await.unwrap()
    }

    pub(crate) async fn trial(&self, id: &str) -> v1::Trial {
        let request = v1::GetTrialRequest {
            name: format!("experiments/demo/trials/{id}"),
            view: v1::TrialView::Full.into(),
        };
        self.client.get_trial(request).await.unwrap().trial.unwrap()
    }
}

fn options() -> Options {
    Options {
        backoff: Backoff {
            first: Duration::from_millis(20),
            longest: Duration::from_millis(100),
        },
        ..Options::default()
    }
}

fn client(address: SocketAddr) -> Client {
    Client::connect_lazy(&format!("http://{address}"), options()).unwrap()
}

/// What an epoch of an attempt comes to.
type Curve = dyn Fn(&Assignment, u32) -> Result<f64, Failure> + Send + Sync;

/// Trains nothing, at a pace.
pub(crate) struct Synthetic {
    curve: Arc<Curve>,
    pace: Duration,
    /// Every epoch trained: the trial and the number.
    pub(crate) trained: Arc<Mutex<Vec<(String, u32)>>>,
    /// How every training was closed, by its trial.
    pub(crate) closed: Arc<Mutex<Vec<(String, Closing)>>>,
}

impl Synthetic {
    pub(crate) fn new(
        pace: Duration,
        curve: impl Fn(&Assignment, u32) -> Result<f64, Failure> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            curve: Arc::new(curve),
            pace,
            trained: Arc::default(),
            closed: Arc::default(),
        })
    }

    /// Half of the candidates saturate, so that their prediction settles; the others rise in a
    /// straight line and train to the end.
    pub(crate) fn mixed(pace: Duration) -> Arc<Self> {
        Self::new(pace, |assignment, epoch| {
            let epoch = f64::from(epoch);
            let odd = assignment.candidate.id.as_str().ends_with(['1', '3', '5']);
            Ok(if odd {
                90.0 - 40.0 * (-0.8 * epoch).exp()
            } else {
                40.0 + 3.0 * epoch
            })
        })
    }

    /// Epochs trained in a trial.
    pub(crate) fn epochs(&self, trial: &str) -> Vec<u32> {
        let trained = self.trained.lock().unwrap();
        let of_trial = trained.iter().filter(|(id, _)| id == trial);
        of_trial.map(|(_, epoch)| *epoch).collect()
    }

    /// How the training of a trial was closed.
    pub(crate) fn closing(&self, trial: &str) -> Option<Closing> {
        let closed = self.closed.lock().unwrap();
        let of_trial = closed.iter().find(|(id, _)| id == trial);
        of_trial.map(|(_, closing)| *closing)
    }

    /// Waits until so many epochs are trained.
    pub(crate) async fn reaches(&self, epochs: usize) {
        while self.trained.lock().unwrap().len() < epochs {
            sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Trainer for Synthetic {
    fn start(&self, assignment: &Assignment) -> Result<Box<dyn Training>, Failure> {
        Ok(Box::new(Run {
            curve: self.curve.clone(),
            pace: self.pace,
            trained: self.trained.clone(),
            closed: self.closed.clone(),
            assignment: assignment.clone(),
            number: 0,
        }))
    }
}

struct Run {
    curve: Arc<Curve>,
    pace: Duration,
    trained: Arc<Mutex<Vec<(String, u32)>>>,
    closed: Arc<Mutex<Vec<(String, Closing)>>>,
    assignment: Assignment,
    number: u32,
}

impl Training for Run {
    fn advance(&mut self, cancelled: &dyn Fn() -> bool) -> Result<Option<Observation>, Failure> {
        const BATCHES: u32 = 20;
        for _ in 0..BATCHES {
            if cancelled() {
                return Ok(None);
            }
            thread::sleep(self.pace / BATCHES);
        }
        self.number += 1;
        let value = (self.curve)(&self.assignment, self.number)?;
        let trial = self.assignment.trial.id.to_string();
        self.trained.lock().unwrap().push((trial, self.number));
        Ok(Some(Observation {
            epoch: self.number.into(),
            value,
            loss: 1.0,
            images: 1_000,
            seconds: self.pace.as_secs_f64(),
        }))
    }

    fn close(&mut self, closing: Closing) {
        let trial = self.assignment.trial.id.to_string();
        self.closed.lock().unwrap().push((trial, closing));
    }
}

/// A worker at work.
pub(crate) struct Working {
    pub(crate) leaving: CancellationToken,
    task: JoinHandle<Result<(), Error>>,
}

impl Working {
    pub(crate) fn start(worker: Worker) -> Self {
        let leaving = CancellationToken::new();
        let token = leaving.clone();
        let task = tokio::spawn(async move { worker.run(token).await });
        Self { leaving, task }
    }

    /// Waits until it has ended, which must not take long.
    pub(crate) async fn end(self) -> Result<(), Error> {
        let ended = tokio::time::timeout(Duration::from_mins(1), self.task);
        ended.await.unwrap().unwrap()
    }
}
