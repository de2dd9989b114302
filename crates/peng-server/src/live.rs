//! One trial in memory: decides on one observation after the other.

use std::{
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use peng_predict::{Decision, Epoch, Mode, Observation, Verdict, trial};
use peng_proto::error::{Error, Reason};
use peng_store::{Basis, Logged, State, Trial, TrialKey, Version, Write};
use rustix::time::{ClockId, clock_gettime};
use tracing::debug;

use crate::{
    commit::{Origin, Place, Ticket},
    experiments::Experiment,
    metrics::Metrics,
    overrun::Overruns,
    sync::lock_long,
};

/// A decision of a curve as long as most takes some ten microseconds.
const SLOW: Duration = Duration::from_millis(5);

/// A decision that fits fewer points than this is over long before any budget.
const TIMED: usize = 1_000;

/// A trial in memory.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) experiment: Arc<Experiment>,
    key: TrialKey,
    /// What its writes have in common.
    origin: Origin,
    /// Asked for since it was last looked at for removal.
    touched: AtomicBool,
    /// Whether its last decision took so long that other calls should not wait for the next.
    slow: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    session: trial::Session,
    /// Its version is that after all that is queued.
    row: Trial,
    overruns: Overruns,
}

/// How observations are taken.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    /// Observations that a trial may have.
    pub(crate) observations: usize,
    /// Of computing, for one decision.
    pub(crate) budget: Duration,
    pub(crate) metrics: Arc<Metrics>,
}

/// Why an observation has no decision.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It cannot have one.
    Wrong(Error),
    /// STOP was decided too late to count: what is in memory is no longer the log, and the
    /// observation is to be recorded as late on the trial restored from it, which goes on with
    /// these overruns.
    Late(Overruns),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Wrong(error)
    }
}

/// The version that a decision rests on, held until it is queued.
type Order<'a> = Option<MutexGuard<'a, Version>>;

/// How much of a trial's curve is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// The last observation.
    Last,
    /// All of it, which may be some megabytes.
    Whole,
}

/// A trial as it stands.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) row: Trial,
    pub(crate) last: Option<Logged>,
    pub(crate) observations: usize,
    /// By epoch; empty where it was not asked for.
    pub(crate) curve: Vec<Logged>,
    /// The first STOP.
    pub(crate) stop: Option<(Epoch, Decision)>,
}

impl Snapshot {
    /// Of a trial without observations.
    pub(crate) const fn unobserved(row: Trial) -> Self {
        Self {
            row,
            last: None,
            observations: 0,
            curve: Vec::new(),
            stop: None,
        }
    }
}

impl Live {
    /// A trial as its log tells it.
    pub(crate) fn new(
        experiment: Arc<Experiment>,
        row: Trial,
        log: Vec<Logged>,
    ) -> Result<Self, Error> {
        let session = experiment.session(&row, log)?;
        Ok(Self {
            origin: Origin::new(experiment.spoiled(), experiment.settings.target),
            experiment,
            key: row.key,
            touched: AtomicBool::new(true),
            slow: AtomicBool::new(false),
            inner: Mutex::new(Inner {
                session,
                row,
                overruns: Overruns::default(),
            }),
        })
    }

    /// Whether a write was lost on which later decisions rest.
    pub(crate) fn is_spoiled(&self) -> bool {
        self.origin.is_spoiled()
    }

    /// Whether a write of it is under way.
    pub(crate) fn is_written(&self) -> bool {
        self.origin.has_writes()
    }

    /// Marks it as asked for.
    pub(crate) fn touch(&self) {
        self.touched.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked for since the last call.
    pub(crate) fn was_touched(&self) -> bool {
        self.touched.swap(false, Ordering::Relaxed)
    }

    /// The trial as it stands, and a ticket that is done when all of it is on
    /// disk, if the log has not come further by then.
    pub(crate) fn read(&self, place: Place, extent: Extent) -> (Snapshot, Ticket) {
        let order = self.experiment.in_order();
        let inner = lock_long(&self.inner);
        let snapshot = inner.snapshot(extent);
        (snapshot, self.check(place, &order, &inner))
    }

    /// Done when all that was queued before is, and the log has not come further.
    fn check(&self, place: Place, order: &Order<'_>, inner: &Inner) -> Ticket {
        let write = Write::Check {
            experiment: self.experiment.key,
            trial: self.key,
            basis: inner.basis(order),
        };
        place.write(write, Some(self.origin.clone()))
    }

    /// Whether a decision of it may take longer than a thread should keep other calls waiting.
    pub(crate) fn is_slow(&self) -> bool {
        self.slow.load(Ordering::Relaxed)
    }

    pub(crate) fn is_ended(&self) -> bool {
        lock_long(&self.inner).row.state.is_terminal()
    }

    /// The decision, whether it ended the trial, and when it is durable. `late`, the overruns up to
    /// it, records the observation without a fit.
    pub(crate) fn observe(
        &self,
        place: Place,
        observation: Observation,
        terms: &Terms,
        late: Option<Overruns>,
    ) -> Result<(Decision, bool, Ticket), Refusal> {
        let mut order = self.experiment.in_order();
        let mut inner = lock_long(&self.inner);
        let epoch = observation.epoch;
        if let Some((value, decision)) = inner.session.decision_at(epoch) {
            return if same(value, observation.value) {
                Ok((decision.clone(), false, self.check(place, &order, &inner)))
            } else {
                Err(epoch_taken(epoch, value, observation.value).into())
            };
        }
        if inner.row.state.is_terminal() && inner.row.state != State::Stopped {
            return Err(ended(&inner.row).into());
        }
        let limit = terms.observations;
        if inner.session.len() >= limit {
            return Err(too_many(limit).into());
        }
        let (decision, took) = inner.decide(observation, terms, late)?;
        self.slow.store(took > SLOW, Ordering::Relaxed);
        let Some(decision) = decision else {
            self.origin.spoil();
            return Err(Refusal::Late(inner.overruns));
        };
        let stops = decision.verdict == Verdict::Stop
            && self.experiment.settings.mode == Mode::Enforce
            && inner.row.state == State::Running;
        let enters = stops.then(|| (State::Stopped, inner.enter(State::Stopped, "")));
        if stops {
            debug!(trial = inner.row.id, epoch = epoch.get(), reason = %decision.reason, "stopped");
        }
        let write = Write::Observe {
            experiment: self.experiment.key,
            trial: self.key,
            basis: inner.advance(&mut order),
            logged: Box::new(Logged {
                observation,
                decision: decision.clone(),
            }),
            enters,
        };
        let ticket = place.write(write, Some(self.origin.clone()));
        Ok((decision, stops, ticket))
    }

    /// Ends the trial: how it then stands, and when all of that is durable.
    pub(crate) fn complete(
        &self,
        place: Place,
        state: State,
        message: &str,
    ) -> Result<(Snapshot, Ticket), Error> {
        let mut order = self.experiment.in_order();
        let mut inner = lock_long(&self.inner);
        if inner.row.state == state {
            let ticket = self.check(place, &order, &inner);
            return Ok((inner.snapshot(Extent::Last), ticket));
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
        let at = inner.enter(state, message);
        if state == State::Succeeded {
            inner.session.complete();
        }
        let write = Write::Enter {
            experiment: self.experiment.key,
            trial: self.key,
            basis: inner.advance(&mut order),
            state,
            at,
            message: message.to_owned(),
        };
        let ticket = place.write(write, Some(self.origin.clone()));
        Ok((inner.snapshot(Extent::Last), ticket))
    }

    /// Takes the observations after `epoch` back. This is then no longer what the log says: who
    /// asks for the trial gets one that is restored from it.
    pub(crate) fn roll_back(&self, place: Place, epoch: Epoch) -> Result<Ticket, Error> {
        let mut order = self.experiment.in_order();
        let mut inner = lock_long(&self.inner);
        let stop = inner.session.stop().map(|(stop, _)| stop);
        let resumes = match inner.row.state {
            State::Running => false,
            State::Stopped => stop.is_some_and(|stop| stop > epoch),
            State::Preempted => true,
            State::Succeeded | State::Failed | State::Cancelled => return Err(ended(&inner.row)),
        };
        if !resumes && inner.session.last().is_none_or(|last| last.epoch <= epoch) {
            return Ok(self.check(place, &order, &inner));
        }
        debug!(
            trial = inner.row.id,
            epoch = epoch.get(),
            resumes,
            "rolled back"
        );
        let write = Write::RollBack {
            experiment: self.experiment.key,
            trial: self.key,
            basis: inner.advance(&mut order),
            epoch,
            resumes,
        };
        let ticket = place.write(write, None);
        self.origin.spoil();
        Ok(ticket)
    }

    /// The trial as it stands, be it on disk or not.
    pub(crate) fn snapshot(&self, extent: Extent) -> Snapshot {
        lock_long(&self.inner).snapshot(extent)
    }
}

impl Inner {
    /// The decision, `None` where it is STOP and too late, and how long it took.
    fn decide(
        &mut self,
        observation: Observation,
        terms: &Terms,
        late: Option<Overruns>,
    ) -> Result<(Option<Decision>, Duration), Error> {
        self.overruns = late.unwrap_or(self.overruns);
        // A trial that has diverged or was stopped is told so without a fit.
        let is_judged = !observation.is_diverged() && self.session.stop().is_none();
        if is_judged && (late.is_some() || self.overruns.passes_over()) {
            let decision = Decision::out_of_time();
            self.session
                .record(observation, decision.clone())
                .map_err(peng_proto::trial::refused)?;
            return Ok((Some(decision), Duration::ZERO));
        }
        let policy = &self.session.settings().policy;
        let is_timed = is_judged && policy.points_fitted(self.session.len() + 1) >= TIMED;
        let before = is_timed.then(computed);
        let began = Instant::now();
        let decision = self
            .session
            .observe(observation)
            .map_err(peng_proto::trial::refused)?;
        let took = began.elapsed();
        terms.metrics.fitted(took);
        let overran = before.is_some_and(|before| computed().saturating_sub(before) > terms.budget);
        self.overruns.note(overran);
        let in_time = !overran || !decision.is_stop();
        Ok((in_time.then_some(decision), took))
    }

    fn basis(&self, order: &Order<'_>) -> Basis {
        match order {
            Some(version) => Basis::Experiment(**version),
            None => Basis::Trial(self.row.version),
        }
    }

    /// What a write rests on that the next one follows.
    fn advance(&mut self, order: &mut Order<'_>) -> Basis {
        let basis = self.basis(order);
        let version = order.as_deref_mut().unwrap_or(&mut self.row.version);
        *version = version.next();
        basis
    }

    /// When it enters the state: as the log keeps it, so that all who ask are told the same, and
    /// not before its creation, should the clock have been set back.
    fn enter(&mut self, state: State, message: &str) -> SystemTime {
        let now = to_the_microsecond(SystemTime::now()).max(self.row.created);
        self.row.state = state;
        message.clone_into(&mut self.row.message);
        self.row.ended = state.is_terminal().then_some(now);
        now
    }

    fn snapshot(&self, extent: Extent) -> Snapshot {
        let logged = |(observation, decision): (Observation, &Decision)| Logged {
            observation,
            decision: decision.clone(),
        };
        let all = || self.session.observations();
        Snapshot {
            row: self.row.clone(),
            last: all().next_back().map(logged),
            observations: self.session.len(),
            curve: match extent {
                Extent::Last => Vec::new(),
                Extent::Whole => all().map(logged).collect(),
            },
            stop: self
                .session
                .stop()
                .map(|(epoch, decision)| (epoch, decision.clone())),
        }
    }
}

/// How long this thread has computed. What a decision takes of it depends on the curve and on how
/// fast the core is, not on what else the machine has to do.
fn computed() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

fn to_the_microsecond(time: SystemTime) -> SystemTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let rest = since.map_or(0, |since| since.subsec_nanos() % 1_000);
    time - Duration::from_nanos(rest.into())
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

fn too_many(limit: usize) -> Error {
    Error::of_field(
        Reason::TooManyObservations,
        "observation",
        format!("the trial has {limit} observations, which is limits.trial_observations"),
    )
}

fn ended(row: &Trial) -> Error {
    let state = row.state.as_str().to_uppercase();
    Error::new(
        Reason::TrialEnded,
        format!("trial `{}` has ended: it is {state}", row.id),
    )
}
