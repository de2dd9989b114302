use std::{net::SocketAddr, sync::Arc, time::Duration};

use peng_client::{Client, Options};
use peng_orchestrator::{Config, Orchestrator};
use peng_predict::{Mode, policy};
use peng_proto::{
    search::{Assignment, Method, Training},
    v1::{self, lease_candidate_response::Work},
};
use peng_search::{
    Candidate, Settings,
    macro_space::{Input, Space},
    settings::{Algorithm, Goal},
};
use peng_server::Server;
use peng_store::{Searches, Sqlite};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

pub(crate) const EPOCHS: u32 = 12;

/// A search of eight candidates in two generations.
pub(crate) fn config() -> Config {
    let input = Input {
        channels: 1,
        height: 28,
        width: 28,
    };
    Config {
        search: "searches/demo".parse().unwrap(),
        settings: Settings {
            algorithm: Algorithm::nsga2(4),
            space: Space::new(4, vec![4, 8], input, 10).unwrap().into(),
            seed: 7,
            candidates: 8,
            lease: Duration::from_secs(30),
            attempts: 3,
            goal: Goal::Maximize,
        },
        training: Training {
            dataset: "fashion-mnist".to_owned(),
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
pub(crate) struct Running {
    pub(crate) orchestrator: Orchestrator,
    pub(crate) client: Client,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn start(config: Config, store: Arc<Sqlite>) -> Self {
        Self::with_searches(config, store.clone(), store).await
    }

    /// With another store for the state of the search.
    pub(crate) async fn with_searches(
        config: Config,
        store: Arc<Sqlite>,
        searches: Arc<dyn Searches>,
    ) -> Self {
        let running = Self::opened(config, store, searches).await;
        running.orchestrator.start().await.unwrap();
        running
    }

    /// Listens; the search is not started yet.
    pub(crate) async fn opened(
        mut config: Config,
        store: Arc<Sqlite>,
        searches: Arc<dyn Searches>,
    ) -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Server::bind(peng_server::Config::new(listen), store)
            .await
            .unwrap();
        let address = format!("http://{}", server.local_addr());
        let client = Client::connect_lazy(&address, Options::default()).unwrap();
        config.leaving = server.leaving();
        let orchestrator = Orchestrator::open(config, searches, client.clone())
            .await
            .unwrap();
        server.add_service(orchestrator.service()).await;
        let stop = CancellationToken::new();
        let shutdown = stop.clone().cancelled_owned();
        let serving = tokio::spawn(async move { server.run(shutdown).await.unwrap() });
        Self {
            orchestrator,
            client,
            stop,
            serving,
        }
    }

    /// Tells the server to leave.
    pub(crate) fn leave(&self) {
        self.stop.cancel();
    }

    /// Ends without a word to anyone, as a killed process does.
    pub(crate) fn kill(self) {
        self.serving.abort();
    }

    pub(crate) async fn trial(&self, name: &str) -> v1::Trial {
        let request = v1::GetTrialRequest {
            name: format!("experiments/demo/trials/{name}"),
            view: v1::TrialView::Full.into(),
        };
        self.client.get_trial(request).await.unwrap().trial.unwrap()
    }

    pub(crate) async fn candidate(&self, number: usize) -> Candidate {
        self.orchestrator.snapshot().await.unwrap().candidates[number - 1].clone()
    }
}

/// The store of a folder, once the process that had it is gone.
pub(crate) async fn reopen(folder: &std::path::Path) -> Arc<Sqlite> {
    for _ in 0..200 {
        match Sqlite::open(folder).await {
            Ok(store) => return Arc::new(store),
            Err(peng_store::Error::InUse { .. }) => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the folder is still in use");
}

/// The accuracy after an epoch. Two networks of three saturate, so that their prediction settles;
/// the third rises in a straight line and trains to the end.
pub(crate) fn accuracy(assignment: &Assignment, epoch: f64) -> f64 {
    let draw = assignment.seed % 1_000;
    let last = 60.0 + draw as f64 / 40.0;
    if draw.is_multiple_of(3) {
        last - 3.0 * (12.0 - epoch)
    } else {
        last - 40.0 * (-0.8 * epoch).exp()
    }
}

pub(crate) async fn lease(client: &Client, worker: &str, wait: u64) -> Work {
    let request = v1::LeaseCandidateRequest {
        search: String::new(),
        worker: worker.to_owned(),
        wait: Some(Duration::from_secs(wait).try_into().unwrap()),
        continues: false,
    };
    client.lease_candidate(request).await.unwrap().work.unwrap()
}

/// A lease that must be there.
pub(crate) async fn assignment(client: &Client, worker: &str) -> Assignment {
    match lease(client, worker, 10).await {
        Work::Assignment(assignment) => Assignment::parse(assignment).unwrap(),
        other => panic!("no assignment but {other:?}"),
    }
}

/// A lease of a worker that goes on with what others have left.
pub(crate) async fn takeover(client: &Client, worker: &str) -> Assignment {
    let request = v1::LeaseCandidateRequest {
        worker: worker.to_owned(),
        wait: Some(Duration::from_secs(10).try_into().unwrap()),
        continues: true,
        ..v1::LeaseCandidateRequest::default()
    };
    match client.lease_candidate(request).await.unwrap().work {
        Some(Work::Assignment(assignment)) => Assignment::parse(assignment).unwrap(),
        other => panic!("no assignment but {other:?}"),
    }
}

pub(crate) async fn complete(
    client: &Client,
    assignment: &Assignment,
    state: v1::CandidateState,
    outcome: v1::Outcome,
) -> Result<v1::Candidate, peng_client::Error> {
    let request = v1::CompleteCandidateRequest {
        candidate: assignment.candidate.to_string(),
        lease_token: assignment.lease.token.clone(),
        state: state.into(),
        outcome: Some(outcome),
    };
    let response = client.complete_candidate(request).await?;
    Ok(response.candidate.unwrap())
}

/// Reports epochs up to a STOP that must be obeyed, or `most`; returns the last with its value.
pub(crate) async fn train(client: &Client, assignment: &Assignment, most: u32) -> (f64, f64, bool) {
    let mut reporter = client.reporter(assignment.trial.to_string());
    let (mut epoch, mut value) = (0.0, 0.0);
    for number in 1..=most {
        epoch = f64::from(number);
        value = accuracy(assignment, epoch);
        if reporter.report(epoch, value).await.unwrap().must_stop {
            return (epoch, value, true);
        }
    }
    (epoch, value, false)
}

/// Trains one candidate and hands it back.
pub(crate) async fn evaluate(client: &Client, assignment: &Assignment) -> v1::Candidate {
    let (epochs, value, stopped) = train(client, assignment, EPOCHS).await;
    let state = if stopped {
        v1::CandidateState::Stopped
    } else {
        v1::CandidateState::Succeeded
    };
    let outcome = v1::Outcome {
        measured: Some(value),
        epochs,
        ..v1::Outcome::default()
    };
    complete(client, assignment, state, outcome).await.unwrap()
}

/// A worker from its first lease to the end of the search.
pub(crate) async fn work(client: Client, name: &'static str) {
    loop {
        match lease(&client, name, 10).await {
            Work::Assignment(assignment) => {
                evaluate(&client, &Assignment::parse(assignment).unwrap()).await;
            }
            Work::Idle(_) => {}
            Work::Finished(_) => return,
        }
    }
}

/// A whole search by two workers.
pub(crate) async fn search(config: Config) -> Running {
    let store = Arc::new(Sqlite::in_memory().await.unwrap());
    let running = Running::start(config, store).await;
    finish(&running).await;
    running
}

/// The rest of a search by two workers.
pub(crate) async fn finish(running: &Running) {
    let mut workers = JoinSet::new();
    for name in ["worker-1", "worker-2"] {
        workers.spawn(work(running.client.clone(), name));
    }
    while let Some(worker) = workers.join_next().await {
        worker.unwrap();
    }
    running.orchestrator.finished().await.unwrap();
}
