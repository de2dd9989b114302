//! The orchestrator from its configuration to its end.

use std::{fmt, sync::Arc, time::Duration};

use peng_client::Client;
use peng_proto::v1::{self, search_service_server::SearchServiceServer};
use peng_search::candidate::State;
use peng_store::Searches;
use tokio::sync::{Mutex, broadcast, mpsc, oneshot, watch::Receiver};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};
use tracing::{info, warn};

use crate::{
    Config, Error, Service,
    attempt::Attempt,
    change::ran_out,
    expiry,
    ledger::{Ledger, Opened, Status},
    predictor::{self, Ended, Flush, Predictor},
    progress::{Event, Kind, Snapshot},
    watch,
};

/// How long the prediction server has, at the end, to hear what has ended.
const DRAIN: Duration = Duration::from_secs(10);

/// A search that runs. Dropping it ends its tasks; its state is in the store.
pub struct Orchestrator {
    ledger: Arc<Ledger>,
    predictor: Predictor,
    /// Taken by [`Orchestrator::start`].
    opened: Mutex<Option<Unstarted>>,
    flush: Flush,
    tasks: TaskTracker,
    leaving: CancellationToken,
    _end: DropGuard,
}

struct Unstarted {
    ended: mpsc::UnboundedReceiver<Event>,
    flush: mpsc::Receiver<oneshot::Sender<()>>,
    token: String,
    fresh: bool,
}

impl fmt::Debug for Orchestrator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Orchestrator")
            .field("config", &self.ledger.config)
            .finish_non_exhaustive()
    }
}

impl Orchestrator {
    /// Opens the search of that name in the store: a new one, or the stored one, which must have
    /// the same settings. Workers that ask for a candidate wait until it is started.
    ///
    /// `predictor` should outlast a restart of the prediction server
    /// ([`peng_client::Options::patient`]).
    pub async fn open(
        config: Config,
        store: Arc<dyn Searches>,
        predictor: Client,
    ) -> Result<Self, Error> {
        let leaving = config.leaving.child_token();
        let opened = Ledger::open(config, store).await?;
        let Opened {
            ledger,
            ended,
            token,
            fresh,
        } = opened;
        let (flush, flushes) = mpsc::channel(1);
        Ok(Self {
            ledger,
            predictor: Predictor::new(&predictor),
            opened: Mutex::new(Some(Unstarted {
                ended,
                flush: flushes,
                token,
                fresh,
            })),
            flush,
            tasks: TaskTracker::new(),
            _end: leaving.clone().drop_guard(),
            leaving,
        })
    }

    /// The service for workers and those who look on.
    pub fn service(&self) -> SearchServiceServer<Service> {
        SearchServiceServer::new(Service::new(
            self.ledger.clone(),
            self.predictor.clone(),
            self.flush.clone(),
            self.leaving.clone(),
        ))
    }

    /// Creates the experiment on the prediction server, which must be running, ends the trials
    /// that a former run left open, and begins to lend candidates. Does nothing the second time.
    pub async fn start(&self) -> Result<(), Error> {
        let mut opened = self.opened.lock().await;
        let Some(unstarted) = opened.as_ref() else {
            return Ok(());
        };
        self.predictor
            .create_experiment(&self.ledger.config)
            .await?;
        let experiment = self.ledger.config.experiment();
        let trials = self.predictor.trials(&experiment).await?;
        if unstarted.fresh && !trials.is_empty() {
            return Err(Error::ExperimentTaken { experiment });
        }
        self.ledger.renew_all().await?;
        for ended in self.left_open(&trials).await? {
            self.predictor.end(ended).await;
        }
        self.ledger.started().await?;
        if let Some(unstarted) = opened.take() {
            self.spawn(unstarted);
        }
        Ok(())
    }

    fn spawn(&self, unstarted: Unstarted) {
        let Unstarted {
            ended,
            flush,
            token,
            ..
        } = unstarted;
        let (ledger, client) = (self.ledger.clone(), self.predictor.patient.clone());
        let search = ledger.config.search.clone();
        let ending = predictor::end_all(self.predictor.clone(), search, ended, flush);
        self.until_leaving(watch::run(ledger.clone(), client, token));
        self.until_leaving(expiry::run(ledger));
        // Ends by itself when the last change that can end an attempt is told.
        tokio::spawn(ending);
    }

    fn until_leaving(&self, task: impl Future<Output = ()> + Send + 'static) {
        let leaving = self.leaving.clone();
        self.tasks
            .spawn(async move { leaving.run_until_cancelled_owned(task).await });
    }

    /// The trials that run without an attempt that does, with how each ended.
    async fn left_open(&self, trials: &[v1::Trial]) -> Result<Vec<Ended>, Error> {
        let mut left_open = Vec::new();
        for trial in trials {
            let Some(attempt) = Attempt::of_trial(&trial.name) else {
                continue;
            };
            if trial.state() != v1::TrialState::Running {
                continue;
            }
            let Some(candidate) = self.ledger.candidate(attempt.candidate).await? else {
                continue;
            };
            let kind = match candidate.state {
                _ if attempt.number < candidate.trial() => ran_out(),
                State::Proposed => ran_out(),
                State::Settled(outcome) => Kind::Settled(outcome),
                State::Leased(_) => continue,
            };
            let event = Event {
                candidate: attempt.candidate,
                attempt: attempt.number,
                kind,
            };
            left_open.extend(Ended::of(&event, &self.ledger.config.search));
        }
        Ok(left_open)
    }

    /// Waits until every candidate is settled; fails where verdicts can no longer be watched.
    pub async fn finished(&self) -> Result<(), Error> {
        let mut status = self.ledger.status();
        loop {
            match &*status.borrow_and_update() {
                Status::Finished => return Ok(()),
                Status::Failed(error) => return Err(Error::Watch(error.clone())),
                Status::Opened | Status::Running => {}
            }
            if status.changed().await.is_err() {
                return Ok(());
            }
        }
    }

    /// Takes back at once what a worker of that name has, whoever started it knows that it is gone:
    /// as if its leases had run out.
    pub async fn lose(&self, worker: &str, reason: &str) -> Result<(), Error> {
        self.ledger
            .lose_all(worker.to_owned(), reason.to_owned())
            .await
    }

    /// The search as it stands.
    pub async fn snapshot(&self) -> Result<Snapshot, Error> {
        self.ledger.snapshot().await
    }

    /// Whether the search is paused: no candidate is lent until it is resumed.
    pub fn paused(&self) -> Receiver<bool> {
        self.ledger.paused()
    }

    /// What happens from now on. A receiver that lags behind by more than 1,024 events misses the
    /// oldest.
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.ledger.subscribe()
    }

    /// Waits until the prediction server was told of all that has ended so far, at most ten seconds.
    pub async fn told(&self) {
        let started = self.opened.lock().await.is_none();
        if started && !predictor::told(&self.flush, DRAIN).await {
            warn!("the prediction server does not answer: some trials stay open");
        }
    }

    /// Leaves: no candidate is lent any more, and the prediction server is told of what has ended.
    /// Takes at most ten seconds; what remains is done at the next start.
    pub async fn drain(&self) {
        self.leaving.cancel();
        self.told().await;
        self.tasks.close();
        self.tasks.wait().await;
        info!("the orchestrator leaves");
    }
}
