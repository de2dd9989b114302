//! The trials in memory: found or restored from the log, decided on one
//! observation after the other.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use peng_predict::{Decision, Epoch, Mode, Observation, Verdict, trial};
use peng_proto::{
    error::{Error, Reason},
    names,
};
use peng_store::{Experiment, Logged, State, Trial, TrialKey, Trials, Write};
use tokio::sync::OnceCell;
use tracing::info;

use crate::{
    commit::{Committer, Place, Spoiled, Ticket},
    service::storage,
};

/// A trial in memory.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) experiment: Arc<Experiment>,
    key: TrialKey,
    spoiled: Spoiled,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    session: trial::Session,
    row: Trial,
}

/// A trial as it stands.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) row: Trial,
    /// By epoch.
    pub(crate) curve: Vec<Logged>,
    /// The first STOP.
    pub(crate) stop: Option<(Epoch, Decision)>,
}

/// A decision that is yet to be durable.
#[derive(Debug)]
pub(crate) struct Pending<T> {
    value: T,
    ticket: Ticket,
}

impl<T> Pending<T> {
    /// Waits until it may be sent.
    pub(crate) async fn durable(self) -> Result<T, Error> {
        self.ticket.durable().await?;
        Ok(self.value)
    }
}

type Cell = Arc<OnceCell<Arc<Live>>>;

/// The trials in memory: those in training. Ended ones are restored when they
/// are asked for.
#[derive(Debug)]
pub(crate) struct Sessions {
    store: Arc<dyn Trials>,
    committer: Committer,
    observations: usize,
    experiments: Mutex<HashMap<names::Experiment, Arc<Experiment>>>,
    live: Mutex<HashMap<names::Trial, Cell>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sessions {
    /// No trial yet; each may have at most `observations`.
    pub(crate) fn new(store: Arc<dyn Trials>, committer: Committer, observations: usize) -> Self {
        Self {
            store,
            committer,
            observations,
            experiments: Mutex::default(),
            live: Mutex::default(),
        }
    }

    /// The experiment of that name.
    pub(crate) async fn experiment(
        &self,
        name: &names::Experiment,
    ) -> Result<Arc<Experiment>, Error> {
        if let Some(known) = lock(&self.experiments).get(name) {
            return Ok(known.clone());
        }
        let stored = self
            .store
            .experiment(name.0.as_str())
            .await
            .map_err(storage)?;
        let stored = stored.ok_or_else(|| {
            Error::new(
                Reason::NotFound,
                format!("there is no experiment `{name}`; create it first"),
            )
        })?;
        let stored = Arc::new(stored);
        lock(&self.experiments).insert(name.clone(), stored.clone());
        Ok(stored)
    }

    /// The trial of that name.
    pub(crate) async fn trial(&self, name: &names::Trial) -> Result<Arc<Live>, Error> {
        let cell = lock(&self.live).entry(name.clone()).or_default().clone();
        let restored = cell.get_or_try_init(|| self.restore(name)).await.cloned();
        let ended = restored
            .as_ref()
            .map_or(true, |live| lock(&live.inner).row.state.is_terminal());
        if ended {
            self.forget(name, &cell);
        }
        restored
    }

    fn forget(&self, name: &names::Trial, cell: &Cell) {
        let mut live = lock(&self.live);
        if live.get(name).is_some_and(|known| Arc::ptr_eq(known, cell)) {
            live.remove(name);
        }
    }

    async fn restore(&self, name: &names::Trial) -> Result<Arc<Live>, Error> {
        let experiment = self.experiment(&name.experiment).await?;
        let row = self
            .store
            .trial(experiment.key, name.id.as_str())
            .await
            .map_err(storage)?;
        let row = row.ok_or_else(|| {
            Error::new(
                Reason::NotFound,
                format!("there is no trial `{name}`; create it first"),
            )
        })?;
        Ok(Arc::new(self.load(experiment, row).await?))
    }

    /// A trial as its log tells it.
    pub(crate) async fn load(
        &self,
        experiment: Arc<Experiment>,
        row: Trial,
    ) -> Result<Live, Error> {
        let log = self.store.observations(row.key).await.map_err(storage)?;
        let log = log
            .into_iter()
            .map(|entry| (entry.observation, entry.decision));
        let session = trial::Session::restore(Arc::new(experiment.settings.clone()), log).map_err(
            |error| {
                Error::new(
                    Reason::Internal,
                    format!("the log of trial `{}` is damaged: {error}", row.id),
                )
            },
        )?;
        Ok(Live {
            experiment,
            key: row.key,
            spoiled: Arc::new(AtomicBool::new(false)),
            inner: Mutex::new(Inner { session, row }),
        })
    }

    /// Decides on an observation and queues both for the disk. Decisions of one
    /// trial are made, and become durable, in the order of these calls.
    pub(crate) async fn observe(
        &self,
        name: &names::Trial,
        observation: Observation,
    ) -> Result<Pending<(Decision, Mode)>, Error> {
        let place = self.committer.place().await?;
        let live = self.healthy(name).await?;
        let mode = live.experiment.settings.mode;
        let (decision, ticket) = live.observe(place, observation, self.observations)?;
        Ok(Pending {
            value: (decision, mode),
            ticket,
        })
    }

    /// Ends a trial and queues that for the disk.
    pub(crate) async fn complete(
        &self,
        name: &names::Trial,
        state: State,
        message: &str,
    ) -> Result<Pending<Arc<Live>>, Error> {
        let place = self.committer.place().await?;
        let live = self.healthy(name).await?;
        let ticket = live.complete(place, state, message)?;
        Ok(Pending {
            value: live,
            ticket,
        })
    }

    /// The trial, restored from the log where a write of it was lost.
    async fn healthy(&self, name: &names::Trial) -> Result<Arc<Live>, Error> {
        let live = self.trial(name).await?;
        if !live.spoiled.load(Ordering::Acquire) {
            return Ok(live);
        }
        lock(&self.live).remove(name);
        self.trial(name).await
    }
}

impl Live {
    fn observe(
        &self,
        place: Place,
        observation: Observation,
        limit: usize,
    ) -> Result<(Decision, Ticket), Error> {
        let mut inner = lock(&self.inner);
        let epoch = observation.epoch;
        if let Some((value, decision)) = inner.session.decision_at(epoch) {
            return if same(value, observation.value) {
                Ok((decision.clone(), place.barrier(self.spoiled.clone())))
            } else {
                Err(epoch_taken(epoch, value, observation.value))
            };
        }
        if inner.row.state.is_terminal() && inner.row.state != State::Stopped {
            return Err(ended(&inner.row));
        }
        if inner.session.len() >= limit {
            let message = format!("a trial has at most {limit} observations");
            return Err(Error::of_field(
                Reason::TooManyObservations,
                "observation",
                message,
            ));
        }
        let decision = inner
            .session
            .observe(observation)
            .map_err(peng_proto::trial::refused)?;
        let stops = decision.verdict == Verdict::Stop
            && self.experiment.settings.mode == Mode::Enforce
            && inner.row.state == State::Running;
        if stops {
            inner.enter(State::Stopped, "");
            info!(trial = inner.row.id, epoch = epoch.get(), reason = %decision.reason, "stopped");
        }
        let write = Write::Observe {
            experiment: self.experiment.key,
            trial: self.key,
            logged: Box::new(Logged {
                observation,
                decision: decision.clone(),
            }),
            enters: stops.then_some(State::Stopped),
        };
        Ok((decision, place.write(write, Some(self.spoiled.clone()))))
    }

    fn complete(&self, place: Place, state: State, message: &str) -> Result<Ticket, Error> {
        let mut inner = lock(&self.inner);
        if inner.row.state == state {
            return Ok(place.barrier(self.spoiled.clone()));
        }
        if inner.row.state.is_terminal() {
            return Err(ended(&inner.row));
        }
        if state == State::Stopped && inner.session.stop().is_none() {
            return Err(Error::of_field(
                Reason::NoStopVerdict,
                "state",
                "no verdict of this trial is STOP; SUCCEEDED, FAILED, PREEMPTED or CANCELLED would be right",
            ));
        }
        inner.enter(state, message);
        let write = Write::Enter {
            experiment: self.experiment.key,
            trial: self.key,
            state,
            message: message.to_owned(),
        };
        Ok(place.write(write, Some(self.spoiled.clone())))
    }

    /// The trial as it stands.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let inner = lock(&self.inner);
        let curve = inner
            .session
            .observations()
            .map(|(observation, decision)| Logged {
                observation,
                decision: decision.clone(),
            });
        Snapshot {
            row: inner.row.clone(),
            curve: curve.collect(),
            stop: inner
                .session
                .stop()
                .map(|(epoch, decision)| (epoch, decision.clone())),
        }
    }
}

impl Inner {
    fn enter(&mut self, state: State, message: &str) {
        self.row.state = state;
        message.clone_into(&mut self.row.message);
        self.row.ended = state.is_terminal().then(SystemTime::now);
    }
}

/// Equality that takes two NaN for the same report of a diverged training.
#[allow(clippy::float_cmp)] // the same report has the same bits
fn same(logged: f64, reported: f64) -> bool {
    logged == reported || (logged.is_nan() && reported.is_nan())
}

fn epoch_taken(epoch: Epoch, logged: f64, reported: f64) -> Error {
    let epoch = epoch.get();
    Error::of_field(
        Reason::EpochTaken,
        "observation.value",
        format!(
            "epoch {epoch} has the value {logged} already, {reported} is another; an epoch is reported once"
        ),
    )
}

fn ended(row: &Trial) -> Error {
    let state = row.state.as_str().to_uppercase();
    Error::new(
        Reason::TrialEnded,
        format!("trial `{}` has ended: it is {state}", row.id),
    )
}
