//! The training of one network, as the engine follows it.

use std::sync::Arc;

use crate::epoch::Epoch;
use crate::experiment::{Experiment, Settings};
use crate::metric::ValueRange;
use crate::observation::Observation;
use crate::policy::{Policy, View};
use crate::prediction::Prediction;
use crate::rate::Schedule;
use crate::reason::Reason;
use crate::verdict::Decision;

/// The most points that one decision may fit curves to; one that might fit more is
/// [`Decision::out_of_time`].
///
/// A fit evaluates its family at most [`fit::MOST_EVALUATIONS`] times for each point, so that a
/// decision takes a bounded number of them. It is the curve that decides, not a clock: the same
/// observations have the same decisions on a machine that is busy, and after a restart.
pub const MOST_POINTS_FITTED: usize = 250_000;

/// One live trial: takes observations in their order of arrival, answers each with a decision.
///
/// The first STOP is latched: every later observation is answered with that same decision.
#[derive(Debug)]
pub struct Session {
    settings: Arc<Settings>,
    policy: Box<dyn Policy>,
    schedule: Option<Arc<Schedule>>,
    /// Everything observed, by epoch.
    log: Vec<Entry>,
    /// The finite observations, by epoch.
    curve: Vec<Observation>,
    /// How many of the first observations of the curve the policy has seen as they are.
    seen: usize,
    stop: Option<Epoch>,
    /// The epoch that arrived last.
    latest: Option<Epoch>,
    completed: bool,
}

#[derive(Clone, Debug)]
struct Entry {
    observation: Observation,
    decision: Decision,
}

/// Why an observation is refused; the session is as it was before.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The epoch has been observed before; [`Session::decision_at`] has its value and decision.
    #[error("epoch {epoch} has been observed before, with value {logged}")]
    Duplicate {
        /// The epoch.
        epoch: Epoch,
        /// The value observed then.
        logged: f64,
    },
    /// The value is finite and cannot be the metric's.
    #[error("value {value} at epoch {epoch} is outside of the metric's range {range}")]
    OutOfRange {
        /// When it was observed.
        epoch: Epoch,
        /// The value.
        value: f64,
        /// What it may be.
        range: ValueRange,
    },
    /// There is nothing to decide on.
    #[error("observations: at least one is needed")]
    NoObservations,
}

impl Session {
    /// A trial that has not reported yet and is the only one of its experiment; see
    /// [`Experiment::start`] for one among others.
    pub fn new(settings: Arc<Settings>) -> Self {
        Experiment::new(settings).start(0)
    }

    /// A trial that has not reported yet, judged by `policy`.
    pub(crate) fn join(
        settings: Arc<Settings>,
        policy: Box<dyn Policy>,
        schedule: Option<Arc<Schedule>>,
    ) -> Self {
        Self {
            settings,
            policy,
            schedule,
            log: Vec::new(),
            curve: Vec::new(),
            seen: 0,
            stop: None,
            latest: None,
            completed: false,
        }
    }

    /// The only trial of its experiment rebuilt from its log, in the order of arrival. The logged
    /// decisions are taken as they are; later ones are as if the trial had not been interrupted.
    pub fn restore(
        settings: Arc<Settings>,
        log: impl IntoIterator<Item = (Observation, Decision)>,
    ) -> Result<Self, Error> {
        let mut session = Self::new(settings);
        for (observation, decision) in log {
            session.record(observation, decision)?;
        }
        Ok(session)
    }

    /// Takes an observation and decides. An epoch behind the last one fills a gap.
    ///
    /// NaN or an infinity is accepted and is a STOP. Fails on an epoch observed before and on a
    /// finite value outside of the metric's range.
    pub fn observe(&mut self, observation: Observation) -> Result<Decision, Error> {
        let index = self.place(&observation)?;
        if let Some((_, decision)) = self.stop() {
            let decision = decision.clone();
            self.insert(index, observation, decision.clone());
            return Ok(decision);
        }
        let decision = if observation.is_diverged() {
            diverged(observation.epoch)
        } else {
            let newest = self.insert_in_curve(observation);
            self.judge(newest)
        };
        self.log_at(index, observation, decision.clone());
        Ok(decision)
    }

    /// Takes an observation with a decision made elsewhere: logged before, or given because the
    /// time for a decision ran out ([`Decision::out_of_time`]). Fails as [`Self::observe`] does.
    pub fn record(&mut self, observation: Observation, decision: Decision) -> Result<(), Error> {
        let index = self.place(&observation)?;
        let learns = self.stop.is_none();
        if let Some(newest) = self.insert(index, observation, decision)
            && learns
        {
            self.learn(newest, index);
        }
        Ok(())
    }

    /// Takes an observation of which the experiment has learned before.
    pub(crate) fn recall(
        &mut self,
        observation: Observation,
        decision: Decision,
    ) -> Result<(), Error> {
        let index = self.place(&observation)?;
        self.insert(index, observation, decision);
        Ok(())
    }

    /// Tells the experiment that the training went to its end, so that others may be compared
    /// with it. Only the first call counts.
    pub fn complete(&mut self) {
        if self.completed || self.curve.is_empty() {
            return;
        }
        self.completed = true;
        self.policy.complete(&View {
            settings: &self.settings,
            curve: &self.curve,
            seen: self.seen,
            newest: self.curve.len() - 1,
            schedule: self.schedule.as_deref(),
        });
    }

    /// The value and the decision of an epoch, if it has been observed.
    pub fn decision_at(&self, epoch: Epoch) -> Option<(f64, &Decision)> {
        let index = self.index_of(epoch).ok()?;
        let entry = &self.log[index];
        Some((entry.observation.value, &entry.decision))
    }

    /// The first STOP, in the order of arrival, and the epoch at which it was given.
    pub fn stop(&self) -> Option<(Epoch, &Decision)> {
        let epoch = self.stop?;
        self.decision_at(epoch)
            .map(|(_, decision)| (epoch, decision))
    }

    /// Everything observed, by epoch.
    pub fn observations(&self) -> impl DoubleEndedIterator<Item = (Observation, &Decision)> {
        self.log
            .iter()
            .map(|entry| (entry.observation, &entry.decision))
    }

    /// How many observations there are.
    pub fn len(&self) -> usize {
        self.log.len()
    }

    /// Whether nothing has been observed yet.
    pub fn is_empty(&self) -> bool {
        self.log.is_empty()
    }

    /// The observation of the latest epoch.
    pub fn last(&self) -> Option<Observation> {
        self.log.last().map(|entry| entry.observation)
    }

    /// The decision on the observation that arrived last.
    pub fn latest(&self) -> Option<&Decision> {
        self.decision_at(self.latest?).map(|(_, decision)| decision)
    }

    /// How its learning rate will run, where it declared that.
    pub fn schedule(&self) -> Option<&Arc<Schedule>> {
        self.schedule.as_ref()
    }

    /// The experiment's settings.
    pub fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    fn judge(&mut self, newest: usize) -> Decision {
        let view = View {
            settings: &self.settings,
            curve: &self.curve,
            seen: self.seen,
            newest,
            schedule: self.schedule.as_deref(),
        };
        // At the target the policy is not asked, and has seen no more than before; nor where it
        // would take too long.
        let is_asked = measured(&view).is_none();
        let decision = judge(self.policy.as_mut(), &view);
        if is_asked && !decision.stale {
            self.seen = self.curve.len();
        }
        decision
    }

    /// Has the policy learn from an observation that was decided on elsewhere, and from the
    /// decision in that entry of the log.
    fn learn(&mut self, newest: usize, entry: usize) {
        let view = View {
            settings: &self.settings,
            curve: &self.curve,
            seen: self.seen,
            newest,
            schedule: self.schedule.as_deref(),
        };
        if measured(&view).is_none() {
            self.policy.learn(&view);
            self.policy.decided(&view, &self.log[entry].decision);
        }
    }

    fn index_of(&self, epoch: Epoch) -> Result<usize, usize> {
        // Observations nearly always come in order.
        match self.log.last() {
            Some(last) if last.observation.epoch < epoch => Err(self.log.len()),
            _ => self
                .log
                .binary_search_by_key(&epoch, |entry| entry.observation.epoch),
        }
    }

    /// Where in the log an acceptable observation belongs.
    fn place(&self, observation: &Observation) -> Result<usize, Error> {
        check_range(&self.settings, observation)?;
        match self.index_of(observation.epoch) {
            Err(index) => Ok(index),
            Ok(index) => Err(Error::Duplicate {
                epoch: observation.epoch,
                logged: self.log[index].observation.value,
            }),
        }
    }

    /// Where it stands in the curve, if its value is finite.
    fn insert(
        &mut self,
        index: usize,
        observation: Observation,
        decision: Decision,
    ) -> Option<usize> {
        let newest = (!observation.is_diverged()).then(|| self.insert_in_curve(observation));
        self.log_at(index, observation, decision);
        newest
    }

    fn insert_in_curve(&mut self, observation: Observation) -> usize {
        let index = self
            .curve
            .partition_point(|point| point.epoch < observation.epoch);
        self.curve.insert(index, observation);
        self.seen = self.seen.min(index);
        index
    }

    fn log_at(&mut self, index: usize, observation: Observation, decision: Decision) {
        if decision.is_stop() && self.stop.is_none() {
            self.stop = Some(observation.epoch);
        }
        self.latest = Some(observation.epoch);
        let entry = Entry {
            observation,
            decision,
        };
        self.log.insert(index, entry);
    }
}

/// The decision on a whole curve at once, in any order: the one that its last observation would
/// get if no earlier one had been a STOP.
///
/// Fails on a curve without observations, an epoch observed twice, and a finite value outside of
/// the metric's range.
pub fn decide(settings: &Settings, observations: &[Observation]) -> Result<Decision, Error> {
    let mut curve = observations.to_vec();
    curve.sort_by_key(|observation| observation.epoch);
    for observation in &curve {
        check_range(settings, observation)?;
    }
    if let Some(pair) = curve.windows(2).find(|pair| pair[0].epoch == pair[1].epoch) {
        return Err(Error::Duplicate {
            epoch: pair[1].epoch,
            logged: pair[0].value,
        });
    }
    if let Some(observation) = curve.iter().find(|observation| observation.is_diverged()) {
        return Ok(diverged(observation.epoch));
    }
    if curve.is_empty() {
        return Err(Error::NoObservations);
    }
    let view = View {
        settings,
        curve: &curve,
        seen: 0,
        newest: curve.len() - 1,
        schedule: None,
    };
    Ok(judge(settings.policy.open().join(0).as_mut(), &view))
}

fn check_range(settings: &Settings, observation: &Observation) -> Result<(), Error> {
    if observation.is_diverged() || settings.range.contains(observation.value) {
        return Ok(());
    }
    Err(Error::OutOfRange {
        epoch: observation.epoch,
        value: observation.value,
        range: settings.range,
    })
}

/// At the target the fitness is measured; before it the policy judges, where it may not take too
/// long.
fn judge(policy: &mut dyn Policy, view: &View<'_>) -> Decision {
    if let Some(measured) = measured(view) {
        let reason = Reason::Complete {
            epoch: measured.epoch,
        };
        return Decision::go_on(reason, Some(Prediction::of_value(measured.value)));
    }
    let fitted = view.settings.policy.points_fitted(view.curve.len());
    let decision = if fitted > MOST_POINTS_FITTED {
        policy.learn(view);
        Decision::out_of_time()
    } else {
        policy.decide(view)
    };
    policy.decided(view, &decision);
    decision
}

/// The first observation at the target epoch or after it.
fn measured<'a>(view: &View<'a>) -> Option<&'a Observation> {
    let target = view.settings.target;
    let before = view.curve.partition_point(|point| point.epoch < target);
    view.curve.get(before)
}

fn diverged(epoch: Epoch) -> Decision {
    Decision::stop(Reason::Diverged { epoch }, None)
}
