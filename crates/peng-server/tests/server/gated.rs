//! A store that fails or waits where a test wants it to.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::SystemTime,
};

use async_trait::async_trait;
use peng_predict::rate;
use peng_store::{
    Deleted, Error, Event, Experiment, ExperimentKey, Logged, NewExperiment, OnlyIf, Seq, Sqlite,
    Trial, TrialKey, Trials, Write, Written,
};
use tokio::sync::{Semaphore, watch};

/// A gate that calls pass one by one or not at all.
#[derive(Debug)]
pub(crate) struct Gate {
    passes: Semaphore,
    arrived: watch::Sender<usize>,
    /// Calls that fail behind it, of those that come next.
    failing: AtomicUsize,
}

impl Gate {
    fn open() -> Self {
        Self {
            passes: Semaphore::new(Semaphore::MAX_PERMITS),
            arrived: watch::Sender::new(0),
            failing: AtomicUsize::new(0),
        }
    }

    /// Lets nobody through from now on.
    pub(crate) fn close(&self) {
        self.passes.forget_permits(Semaphore::MAX_PERMITS);
    }

    /// Lets everyone through.
    pub(crate) fn reopen(&self) {
        self.passes
            .add_permits(Semaphore::MAX_PERMITS - self.passes.available_permits());
    }

    /// Lets one through.
    pub(crate) fn let_one(&self) {
        self.passes.add_permits(1);
    }

    /// Lets one through, whose call fails.
    pub(crate) fn fail_one(&self) {
        self.failing.fetch_add(1, Ordering::SeqCst);
        self.passes.add_permits(1);
    }

    /// How many have come so far.
    pub(crate) fn arrived(&self) -> usize {
        *self.arrived.borrow()
    }

    /// Waits until so many have come.
    pub(crate) async fn has_seen(&self, count: usize) {
        let mut arrived = self.arrived.subscribe();
        arrived.wait_for(|arrived| *arrived >= count).await.unwrap();
    }

    async fn pass(&self) -> Result<(), Error> {
        self.arrived.send_modify(|arrived| *arrived += 1);
        self.passes.acquire().await.unwrap().forget();
        let fails = |left: usize| left.checked_sub(1);
        let failing = &self.failing;
        match failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails) {
            Ok(_) => Err(Error::Database("as the test wants it".into())),
            Err(_) => Ok(()),
        }
    }
}

/// A store in memory with gates before it.
#[derive(Debug)]
pub(crate) struct Gated {
    store: Sqlite,
    /// Before commits.
    pub(crate) commits: Gate,
    /// Before a trial's curve is read.
    pub(crate) curves: Gate,
    /// Before a page of an experiment's log is read.
    pub(crate) logs: Gate,
    /// After an experiment was deleted, and before anyone hears of it.
    pub(crate) deletions: Gate,
    /// Where those pages began.
    pub(crate) pages: Mutex<Vec<Seq>>,
}

impl Gated {
    pub(crate) async fn new() -> Arc<Self> {
        Arc::new(Self {
            store: Sqlite::in_memory().await.unwrap(),
            commits: Gate::open(),
            curves: Gate::open(),
            logs: Gate::open(),
            deletions: Gate::open(),
            pages: Mutex::default(),
        })
    }
}

#[async_trait]
impl Trials for Gated {
    async fn create_experiment(
        &self,
        new: NewExperiment,
        at: SystemTime,
    ) -> Result<(Experiment, bool), Error> {
        self.store.create_experiment(new, at).await
    }

    async fn experiment(&self, id: &str) -> Result<Option<Experiment>, Error> {
        self.store.experiment(id).await
    }

    async fn experiments(&self, after: &str, limit: u32) -> Result<Vec<Experiment>, Error> {
        self.store.experiments(after, limit).await
    }

    async fn trial(&self, experiment: ExperimentKey, id: &str) -> Result<Option<Trial>, Error> {
        self.store.trial(experiment, id).await
    }

    async fn trials(
        &self,
        experiment: ExperimentKey,
        after: TrialKey,
        limit: u32,
    ) -> Result<Vec<Trial>, Error> {
        self.store.trials(experiment, after, limit).await
    }

    async fn trial_count(&self, experiment: ExperimentKey) -> Result<u64, Error> {
        self.store.trial_count(experiment).await
    }

    async fn schedules(
        &self,
        experiment: ExperimentKey,
    ) -> Result<Vec<(TrialKey, Arc<rate::Schedule>)>, Error> {
        self.store.schedules(experiment).await
    }

    async fn observations(&self, trial: TrialKey) -> Result<Vec<Logged>, Error> {
        self.curves.pass().await?;
        self.store.observations(trial).await
    }

    async fn commit(&self, writes: &[Write], at: SystemTime) -> Result<Vec<Written>, Error> {
        self.commits.pass().await?;
        self.store.commit(writes, at).await
    }

    async fn events(
        &self,
        experiment: ExperimentKey,
        after: Seq,
        limit: u32,
    ) -> Result<Vec<Event>, Error> {
        self.pages.lock().unwrap().push(after);
        self.logs.pass().await?;
        self.store.events(experiment, after, limit).await
    }

    async fn ends(
        &self,
        experiments: &[ExperimentKey],
    ) -> Result<Vec<(ExperimentKey, Seq)>, Error> {
        self.store.ends(experiments).await
    }

    async fn delete_experiment(
        &self,
        experiment: ExperimentKey,
        only_if: OnlyIf,
        at: SystemTime,
    ) -> Result<Deleted, Error> {
        let deleted = self.store.delete_experiment(experiment, only_if, at).await;
        self.deletions.pass().await?;
        deleted
    }

    async fn idle_experiments(
        &self,
        since: SystemTime,
        limit: u32,
    ) -> Result<Vec<Experiment>, Error> {
        self.store.idle_experiments(since, limit).await
    }

    async fn sweep(&self, limit: u32) -> Result<u64, Error> {
        self.store.sweep(limit).await
    }

    fn is_shared(&self) -> bool {
        self.store.is_shared()
    }
}
