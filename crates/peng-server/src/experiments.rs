//! The experiments in memory, each with what its policy has learned.

mod history;

use std::{
    collections::HashMap,
    ops::Deref,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use peng_predict::{experiment, policy::Calibration, trial};
use peng_proto::{
    error::{Error, Reason},
    names,
};
use peng_store::{Basis, Logged, Trial, TrialKey, Trials, Version, Write, Written};
use tokio::sync::{OnceCell, Semaphore};

use self::history::{damaged, number};
use crate::{
    commit::{Origin, Place, Spoiled, Ticket},
    storage,
    sync::{lock, lock_long},
};

/// Experiments in memory from which on those that nobody needs leave it: no trial of theirs is
/// there. One that is asked for again is restored from the log.
const IDLE: usize = 1_024;

/// Logs that are read at once: each takes a thread, and pages that are some megabytes.
const READ: usize = 8;

/// An experiment in memory.
#[derive(Debug)]
pub(crate) struct Experiment {
    stored: peng_store::Experiment,
    engine: experiment::Experiment,
    /// The version of the whole log, where a decision depends on the other
    /// trials. Held from a decision until it is queued: the log then has the
    /// order in which they were decided.
    order: Option<Mutex<Version>>,
    /// Of the experiment where its trials depend on each other.
    spoiled: Option<Spoiled>,
    /// How many trials it has, once someone asked; those that other servers create later are
    /// not seen.
    trials: OnceCell<AtomicU64>,
}

impl Deref for Experiment {
    type Target = peng_store::Experiment;

    fn deref(&self) -> &Self::Target {
        &self.stored
    }
}

impl Experiment {
    /// Restores what the policy has learned from the log.
    async fn restore(store: &dyn Trials, stored: peng_store::Experiment) -> Result<Self, Error> {
        let settings = Arc::new(stored.settings.clone());
        if !settings.policy.compares_trials() {
            let engine = experiment::Experiment::new(settings);
            return Ok(Self {
                stored,
                engine,
                order: None,
                spoiled: None,
                trials: OnceCell::new(),
            });
        }
        // Read before the log: what is logged meanwhile makes the first write stale.
        let version = stored.version;
        let engine = history::learn(store, &stored, settings).await?;
        Ok(Self {
            stored,
            engine,
            order: Some(Mutex::new(version)),
            spoiled: Some(Spoiled::default()),
            trials: OnceCell::new(),
        })
    }

    /// How many trials it has.
    pub(crate) async fn trials(&self, store: &dyn Trials) -> Result<&AtomicU64, Error> {
        let count = || async { store.trial_count(self.stored.key).await.map(AtomicU64::new) };
        self.trials
            .get_or_try_init(count)
            .await
            .map_err(storage::refusal)
    }

    /// How the policy's predictions have fared, where it keeps account of it, and a ticket that is
    /// done when all that this rests on is on disk, if the log has not come further by then.
    pub(crate) fn calibration(&self, place: Place) -> (Option<Calibration>, Ticket) {
        let Some(version) = self.in_order() else {
            return (self.engine.calibration(), Ticket::done(Written::Current));
        };
        let write = Write::Check {
            experiment: self.stored.key,
            // None: it is asked of the experiment.
            trial: TrialKey::FIRST,
            basis: Basis::Experiment(*version),
        };
        let origin = Origin::new(self.spoiled(), self.stored.settings.target);
        (self.engine.calibration(), place.write(write, Some(origin)))
    }

    /// Whether the log, at this version, has what other servers wrote and this is without.
    fn is_behind(&self, log: Version) -> bool {
        self.in_order().is_some_and(|known| *known < log)
    }

    /// Keeps the decisions of trials that depend on each other in order.
    pub(crate) fn in_order(&self) -> Option<MutexGuard<'_, Version>> {
        self.order.as_ref().map(lock_long)
    }

    /// The mark of a trial whose decisions can no longer be relied on.
    pub(crate) fn spoiled(&self) -> Spoiled {
        self.spoiled.clone().unwrap_or_default()
    }

    fn is_spoiled(&self) -> bool {
        self.spoiled
            .as_ref()
            .is_some_and(|mark| mark.load(Ordering::Acquire))
    }

    /// A trial as its log tells it.
    pub(crate) fn session(&self, trial: &Trial, log: Vec<Logged>) -> Result<trial::Session, Error> {
        let log = log
            .into_iter()
            .map(|entry| (entry.observation, entry.decision));
        self.engine
            .recall(number(trial.key), trial.schedule.clone(), log)
            .map_err(|error| damaged(&self.stored.id, &error))
    }
}

type Cell = Arc<OnceCell<Arc<Experiment>>>;

type Open = HashMap<names::Experiment, Cell>;

/// Whether neither a trial nor a call holds the experiment.
fn unused(cell: &Cell) -> bool {
    let idle = |known: &Arc<Experiment>| Arc::strong_count(known) == 1;
    Arc::strong_count(cell) == 1 && cell.get().is_none_or(idle)
}

/// The experiments in memory.
#[derive(Debug)]
pub(crate) struct Experiments {
    store: Arc<dyn Trials>,
    open: Arc<Mutex<Open>>,
    turns: Arc<Semaphore>,
}

impl Experiments {
    /// None yet.
    pub(crate) fn new(store: Arc<dyn Trials>) -> Self {
        Self {
            store,
            open: Arc::default(),
            turns: Arc::new(Semaphore::new(READ)),
        }
    }

    /// The experiment of that name.
    pub(crate) async fn get(&self, name: &names::Experiment) -> Result<Arc<Experiment>, Error> {
        let cell = {
            let mut open = lock(&self.open);
            if open.len() >= IDLE && !open.contains_key(name) {
                open.retain(|_, cell| !unused(cell));
            }
            let cell = open.entry(name.clone()).or_default();
            if cell.get().is_some_and(|known| known.is_spoiled()) {
                *cell = Cell::default();
            }
            cell.clone()
        };
        if let Some(known) = cell.get() {
            return Ok(known.clone());
        }
        // Goes on where who asked has gone: a log that takes longer to read than a call may last
        // would never be read otherwise.
        let restoring = Restoring {
            store: self.store.clone(),
            open: self.open.clone(),
            turns: self.turns.clone(),
            name: name.clone(),
            cell,
        };
        let restored = tokio::spawn(restoring.run()).await;
        restored.map_err(|_| Error::new(Reason::Internal, "the experiment was lost"))?
    }

    /// The experiment of that name as the store has it now, be it another one than is known.
    pub(crate) async fn get_anew(
        &self,
        name: &names::Experiment,
    ) -> Result<Arc<Experiment>, Error> {
        let stored = self.stored(name).await?;
        self.get_stored(name, &stored).await
    }

    /// As [`Self::get_anew`], with what other servers have written, too: read from the log again
    /// if there is any.
    pub(crate) async fn newest(&self, name: &names::Experiment) -> Result<Arc<Experiment>, Error> {
        let stored = self.stored(name).await?;
        let known = self.get_stored(name, &stored).await?;
        if !self.store.is_shared() || !known.is_behind(stored.version) {
            return Ok(known);
        }
        // Its next decision would be refused for the same reason.
        known.spoiled().store(true, Ordering::Release);
        self.get(name).await
    }

    async fn get_stored(
        &self,
        name: &names::Experiment,
        stored: &peng_store::Experiment,
    ) -> Result<Arc<Experiment>, Error> {
        let known = self.get(name).await?;
        if known.stored.key == stored.key {
            return Ok(known);
        }
        self.forget(name);
        self.get(name).await
    }

    /// Forgets an experiment that is gone.
    pub(crate) fn forget(&self, name: &names::Experiment) {
        lock(&self.open).remove(name);
    }

    async fn stored(&self, name: &names::Experiment) -> Result<peng_store::Experiment, Error> {
        stored(&*self.store, name).await
    }
}

async fn stored(
    store: &dyn Trials,
    name: &names::Experiment,
) -> Result<peng_store::Experiment, Error> {
    let stored = store.experiment(name.0.as_str()).await;
    stored.map_err(storage::refusal)?.ok_or_else(|| {
        let message = format!("there is no experiment `{name}`; create it first");
        Error::new(Reason::NotFound, message)
    })
}

/// An experiment that is yet to be restored.
struct Restoring {
    store: Arc<dyn Trials>,
    open: Arc<Mutex<Open>>,
    turns: Arc<Semaphore>,
    name: names::Experiment,
    cell: Cell,
}

impl Restoring {
    async fn run(self) -> Result<Arc<Experiment>, Error> {
        let restore = || async {
            let mut found = stored(&*self.store, &self.name).await?;
            let mut turn = None;
            if found.settings.policy.compares_trials() {
                turn = self.turns.acquire().await.ok();
                // Of a moment ago, should the turn have taken long to come.
                found = stored(&*self.store, &self.name).await?;
            }
            let experiment = Experiment::restore(&*self.store, found).await?;
            drop(turn);
            Ok(Arc::new(experiment))
        };
        let restored = self.cell.get_or_try_init(restore).await.cloned();
        if restored.is_err() {
            self.give_up();
        }
        restored
    }

    /// Leaves no place for it, unless others wait for it there.
    fn give_up(&self) {
        // The map's and this one.
        const NOBODY_ELSE: usize = 2;
        let mut open = lock(&self.open);
        let is_last = |known: &Cell| {
            Arc::ptr_eq(known, &self.cell)
                && known.get().is_none()
                && Arc::strong_count(known) == NOBODY_ELSE
        };
        if open.get(&self.name).is_some_and(is_last) {
            open.remove(&self.name);
        }
    }
}
