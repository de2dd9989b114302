//! The trials in memory: found, or restored from the log.

mod memory;

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use peng_predict::{Decision, Epoch, Mode, Observation, policy::Calibration};
use peng_proto::{
    error::{Error, Reason},
    names,
};
use peng_store::{State, Trial, Trials};
use tokio::sync::OnceCell;

use self::memory::Asked;
use crate::{
    Limits,
    commit::{Committer, Lost},
    experiments::{Experiment, Experiments},
    live::{Extent, Live, Refusal, Snapshot, Terms},
    metrics::Metrics,
    overrun::Overruns,
    pending::{Pending, settle},
    storage,
    sync::{aside, lock},
};

type Cell = Arc<OnceCell<Arc<Live>>>;

/// The trials in memory: those in training, and ended ones until nothing needs
/// them any more. Others are restored from the log when they are asked for.
#[derive(Debug)]
pub(crate) struct Sessions {
    store: Arc<dyn Trials>,
    committer: Committer,
    terms: Terms,
    /// How many trials may be in memory.
    capacity: usize,
    experiments: Experiments,
    live: Mutex<HashMap<names::Trial, Cell>>,
    /// Trials in memory in the order in which they are looked at for removal.
    idle: Mutex<VecDeque<names::Trial>>,
    /// Trials whose next decision is late, with their overruns.
    late: Mutex<HashMap<names::Trial, Overruns>>,
    /// Ended trials that are still in memory, oldest first.
    ended: Mutex<VecDeque<names::Trial>>,
}

impl Sessions {
    /// No trial yet.
    pub(crate) fn new(
        store: Arc<dyn Trials>,
        committer: Committer,
        limits: Limits,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            experiments: Experiments::new(store.clone()),
            store,
            committer,
            terms: Terms {
                observations: limits.trial_observations,
                budget: limits.decision_budget(),
                metrics,
            },
            capacity: limits.trials_in_memory,
            live: Mutex::default(),
            idle: Mutex::default(),
            late: Mutex::default(),
            ended: Mutex::default(),
        }
    }

    /// The experiment of that name.
    pub(crate) async fn experiment(
        &self,
        name: &names::Experiment,
    ) -> Result<Arc<Experiment>, Error> {
        self.experiments.get(name).await
    }

    /// The experiment of that name as the store has it now, whoever has deleted another one of
    /// that name.
    pub(crate) async fn experiment_now(
        &self,
        name: &names::Experiment,
    ) -> Result<Arc<Experiment>, Error> {
        self.experiments.get_anew(name).await
    }

    /// The experiment of that name, and how its policy's predictions have fared by all that any
    /// server has written; all of that is on disk.
    pub(crate) async fn calibration(
        &self,
        name: &names::Experiment,
    ) -> Result<(Arc<Experiment>, Option<Calibration>), Error> {
        settle(|| async move {
            let experiment = self.experiments.newest(name).await?;
            let place = self.committer.place().await?;
            let (calibration, ticket) = experiment.calibration(place);
            Ok(Pending {
                value: (experiment, calibration),
                ticket,
            })
        })
        .await
    }

    /// Forgets an experiment that is deleted and its trials.
    pub(crate) fn forget_experiment(&self, name: &names::Experiment) {
        self.experiments.forget(name);
        lock(&self.live).retain(|trial, _| trial.experiment != *name);
        lock(&self.late).retain(|trial, _| trial.experiment != *name);
    }

    /// The trial of that name, if it is in memory as the log has it.
    pub(crate) fn known(&self, name: &names::Trial) -> Option<Arc<Live>> {
        let known = lock(&self.live).get(name).cloned()?;
        let live = known.get().filter(|live| !live.is_spoiled())?;
        live.touch();
        Some(live.clone())
    }

    /// Whether a write finds a place without a wait.
    pub(crate) fn has_room(&self) -> bool {
        self.committer.has_room()
    }

    /// The trial of that name.
    async fn trial(&self, name: &names::Trial) -> Result<Arc<Live>, Error> {
        let known = lock(&self.live).get(name).cloned();
        let cell =
            known.unwrap_or_else(|| lock(&self.live).entry(name.clone()).or_default().clone());
        if let Some(live) = cell.get() {
            live.touch();
            return Ok(live.clone());
        }
        let asked = Asked {
            sessions: self,
            name,
            cell,
        };
        let restored = asked.cell.get_or_try_init(|| self.restore(name)).await;
        let restored = restored.cloned();
        drop(asked);
        if let Ok(live) = &restored {
            if live.is_ended() {
                self.has_ended(name);
            }
            self.is_there(name);
        }
        restored
    }

    /// Takes note of a trial that has come into memory.
    fn is_there(&self, name: &names::Trial) {
        lock(&self.idle).push_back(name.clone());
        self.make_room();
        self.terms.metrics.in_memory(lock(&self.live).len());
    }

    /// Takes a trial into memory that has just been created, unless one of that name is there or on
    /// its way: that one is restored from the log.
    pub(crate) fn begin(
        &self,
        name: &names::Trial,
        experiment: Arc<Experiment>,
        row: Trial,
    ) -> Result<(), Error> {
        let live = Arc::new(Live::new(experiment, row, Vec::new())?);
        {
            let mut known = lock(&self.live);
            if known.contains_key(name) {
                return Ok(());
            }
            let cell = OnceCell::new_with(Some(live));
            known.insert(name.clone(), Arc::new(cell));
        }
        self.is_there(name);
        Ok(())
    }

    async fn restore(&self, name: &names::Trial) -> Result<Arc<Live>, Error> {
        let mut experiment = self.experiment(&name.experiment).await?;
        let mut row = self.row(&experiment, name).await?;
        if row.is_none() {
            // Perhaps of an experiment that is gone, and there is another one of that name.
            experiment = self.experiment_now(&name.experiment).await?;
            row = self.row(&experiment, name).await?;
        }
        let row = row.ok_or_else(|| {
            Error::new(
                Reason::NotFound,
                format!("there is no trial `{name}`; create it first"),
            )
        })?;
        Ok(Arc::new(self.load(experiment, row).await?))
    }

    async fn row(
        &self,
        experiment: &Experiment,
        name: &names::Trial,
    ) -> Result<Option<Trial>, Error> {
        let row = self.store.trial(experiment.key, name.id.as_str()).await;
        row.map_err(storage::refusal)
    }

    /// A trial as its log tells it.
    pub(crate) async fn load(
        &self,
        experiment: Arc<Experiment>,
        row: Trial,
    ) -> Result<Live, Error> {
        let log = self
            .store
            .observations(row.key)
            .await
            .map_err(storage::refusal)?;
        Live::new(experiment, row, log)
    }

    /// Decides on an observation; the answer is durable.
    pub(crate) async fn decide(
        &self,
        name: &names::Trial,
        observation: Observation,
    ) -> Result<(Decision, Mode), Error> {
        settle(|| async move {
            let live = self.find(name).await?;
            self.observe(&live, name, observation).await
        })
        .await
    }

    /// Decides on an observation and queues both for the disk. Decisions of one
    /// trial are made, and become durable, in the order of these calls.
    pub(crate) async fn observe(
        &self,
        live: &Arc<Live>,
        name: &names::Trial,
        observation: Observation,
    ) -> Result<Pending<(Decision, Mode)>, Lost> {
        let place = self.committer.place().await?;
        let mode = live.experiment.settings.mode;
        let late = {
            let mut late = lock(&self.late);
            if late.is_empty() {
                None
            } else {
                late.remove(name)
            }
        };
        let observe = || live.observe(place, observation, &self.terms, late);
        let observed = if live.is_slow() {
            aside(observe)
        } else {
            observe()
        };
        let (decision, stops, ticket) = match observed {
            Ok(observed) => observed,
            Err(Refusal::Wrong(error)) => return Err(self.refuse(live, error).await),
            Err(Refusal::Late(overruns)) => {
                lock(&self.late).insert(name.clone(), overruns);
                return Err(Lost::Stale);
            }
        };
        if stops {
            self.has_ended(name);
        }
        Ok(Pending {
            value: (decision, mode),
            ticket,
        })
    }

    /// Ends a trial: how it then stands; all of that is durable.
    pub(crate) async fn complete(
        &self,
        name: &names::Trial,
        state: State,
        message: &str,
    ) -> Result<(Arc<Experiment>, Snapshot), Error> {
        settle(|| async move {
            let live = self.find(name).await?;
            let place = self.committer.place().await?;
            let (snapshot, ticket) = match live.complete(place, state, message) {
                Ok(ended) => ended,
                Err(refusal) => return Err(self.refuse(&live, refusal).await),
            };
            self.has_ended(name);
            Ok(Pending {
                value: (live.experiment.clone(), snapshot),
                ticket,
            })
        })
        .await
    }

    /// Takes the observations after `epoch` back; that is durable.
    pub(crate) async fn roll_back(&self, name: &names::Trial, epoch: Epoch) -> Result<(), Error> {
        settle(|| async move {
            let live = self.find(name).await?;
            let place = self.committer.place().await?;
            let ticket = match live.roll_back(place, epoch) {
                Ok(ticket) => ticket,
                Err(refusal) => return Err(self.refuse(&live, refusal).await),
            };
            Ok(Pending { value: (), ticket })
        })
        .await
    }

    /// The trial as it stands; all that it tells is on disk.
    pub(crate) async fn read(
        &self,
        name: &names::Trial,
        extent: Extent,
    ) -> Result<(Arc<Experiment>, Snapshot), Error> {
        settle(|| async move {
            let live = self.find(name).await?;
            let place = self.committer.place().await?;
            let (snapshot, ticket) = live.read(place, extent);
            Ok(Pending {
                value: (live.experiment.clone(), snapshot),
                ticket,
            })
        })
        .await
    }

    /// A refusal, unless what it rests on is lost, or another server has written what may make it
    /// wrong.
    async fn refuse(&self, live: &Live, refusal: Error) -> Lost {
        let place = match self.committer.place().await {
            Ok(place) => place,
            Err(error) => return error.into(),
        };
        let (_, ticket) = live.read(place, Extent::Last);
        match ticket.durable().await {
            Ok(_) => refusal.into(),
            Err(lost) => lost,
        }
    }

    /// The trial, restored from the log where what is in memory is not the log.
    pub(crate) async fn find(&self, name: &names::Trial) -> Result<Arc<Live>, Error> {
        let live = self.trial(name).await?;
        if !live.is_spoiled() {
            return Ok(live);
        }
        self.forget(name, |cell| {
            cell.get().is_some_and(|known| Arc::ptr_eq(known, &live))
        });
        self.trial(name).await
    }
}
