//! Stop what is worse than the median of the completed trials at the same epoch.
//!
//! Sources: the median stopping rule of Vizier (Golovin et al., KDD 2017, section 3.2.2) and
//! Optuna's `MedianPruner` and `PercentilePruner`. Common to both: the trial's *best* value so far
//! is compared, only trials that were trained to the end are compared with, and a tie goes on.
//! They differ in what a completed trial counts with at epoch s: Optuna takes its value at s (the
//! default here), Vizier the mean of its values up to s (`running_average`).
//!
//! A completed trial counts at the epochs that it reported, exactly. As in Optuna the percentile
//! is interpolated linearly, and completed trials only are compared with: the more a policy stops
//! the harder it gets, for only survivors complete.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::rank::Rank;
use super::{Kind, Peers, Policy, View};
use crate::epoch::Epoch;
use crate::reason::Reason;
use crate::verdict::Decision;

/// How many values of completed trials are kept; completed trials past it are not learned from.
pub const MOST_VALUES: usize = 1 << 20;

/// The parameters of the policy; the defaults are Optuna's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct Spec {
    raw: Raw,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Raw {
    percentile: f64,
    startup_trials: usize,
    warmup_epochs: f64,
    interval_epochs: f64,
    min_trials: usize,
    running_average: bool,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            percentile: 50.0,
            startup_trials: 5,
            warmup_epochs: 0.0,
            interval_epochs: 0.0,
            min_trials: 1,
            running_average: false,
        }
    }
}

/// Why parameters are refused.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// `percentile` is not in [0, 100].
    #[error("percentile must be between 0 and 100, got {0}")]
    Percentile(f64),
    /// `startup_trials` is above a million.
    #[error("startup_trials must be at most 1000000, got {0}")]
    StartupTrials(usize),
    /// `warmup_epochs` is negative or not finite.
    #[error("warmup_epochs must be a finite number of at least 0 epochs, got {0}")]
    WarmupEpochs(f64),
    /// `interval_epochs` is negative or not finite.
    #[error("interval_epochs must be a finite number of at least 0 epochs, got {0}")]
    IntervalEpochs(f64),
    /// `min_trials` is zero or above a million.
    #[error("min_trials must be between 1 and 1000000, got {0}")]
    MinTrials(usize),
}

impl Spec {
    /// Stops trials outside of the best `percentile` percent (50: the median) once
    /// `startup_trials` are complete, and the defaults for the others.
    pub fn new(percentile: f64, startup_trials: usize) -> Result<Self, Error> {
        Self::try_from(Raw {
            percentile,
            startup_trials,
            ..Raw::default()
        })
    }

    /// With no stop before `warmup_epochs`, and comparing at most once in `interval_epochs`
    /// epochs, counted from the warm-up; 0 compares at every observation.
    pub fn with_schedule(
        mut self,
        warmup_epochs: f64,
        interval_epochs: f64,
    ) -> Result<Self, Error> {
        self.raw.warmup_epochs = warmup_epochs;
        self.raw.interval_epochs = interval_epochs;
        Self::try_from(self.raw)
    }

    /// Comparing only where at least so many completed trials have reported.
    pub fn with_min_trials(mut self, min_trials: usize) -> Result<Self, Error> {
        self.raw.min_trials = min_trials;
        Self::try_from(self.raw)
    }

    /// With a completed trial counting with the mean of its values so far (Vizier) or with its
    /// value (Optuna).
    #[must_use]
    pub fn with_running_average(mut self, running_average: bool) -> Self {
        self.raw.running_average = running_average;
        self
    }

    /// The percent of the completed trials that a trial may be among.
    pub const fn percentile(&self) -> f64 {
        self.raw.percentile
    }

    /// The completed trials before which nothing stops.
    pub const fn startup_trials(&self) -> usize {
        self.raw.startup_trials
    }

    /// The epochs before which nothing stops.
    pub const fn warmup_epochs(&self) -> f64 {
        self.raw.warmup_epochs
    }

    /// The epochs between two comparisons; 0 for every observation.
    pub const fn interval_epochs(&self) -> f64 {
        self.raw.interval_epochs
    }

    /// How many completed trials must have reported at an epoch to compare there.
    pub const fn min_trials(&self) -> usize {
        self.raw.min_trials
    }

    /// Whether a completed trial counts with the mean of its values so far.
    pub const fn running_average(&self) -> bool {
        self.raw.running_average
    }

    /// How many of n scores are above the percentile's lower neighbour, and how far the
    /// percentile is from that neighbour to the next.
    fn cut(&self, n: usize) -> (usize, f64) {
        let place = (n.saturating_sub(1)) as f64 * ((100.0 - self.raw.percentile) / 100.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of n"
        )]
        let below = place.floor() as usize;
        (n.saturating_sub(1 + below), place - place.floor())
    }
}

impl TryFrom<Raw> for Spec {
    type Error = Error;

    fn try_from(raw: Raw) -> Result<Self, Error> {
        let epochs = |epochs: f64| epochs >= 0.0 && epochs.is_finite();
        if !(0.0..=100.0).contains(&raw.percentile) {
            return Err(Error::Percentile(raw.percentile));
        }
        if raw.startup_trials > 1_000_000 {
            return Err(Error::StartupTrials(raw.startup_trials));
        }
        if !epochs(raw.warmup_epochs) {
            return Err(Error::WarmupEpochs(raw.warmup_epochs));
        }
        if !epochs(raw.interval_epochs) {
            return Err(Error::IntervalEpochs(raw.interval_epochs));
        }
        if !(1..=1_000_000).contains(&raw.min_trials) {
            return Err(Error::MinTrials(raw.min_trials));
        }
        Ok(Self { raw })
    }
}

impl From<Spec> for Raw {
    fn from(spec: Spec) -> Self {
        spec.raw
    }
}

/// The completed trials of an experiment.
#[derive(Debug)]
pub(super) struct Completed {
    spec: Spec,
    memory: Arc<Mutex<Memory>>,
}

#[derive(Debug, Default)]
struct Memory {
    trials: usize,
    values: usize,
    scores: BTreeMap<Epoch, Rank>,
}

impl Completed {
    pub(super) fn new(spec: Spec) -> Self {
        Self {
            spec,
            memory: Arc::default(),
        }
    }
}

impl Kind for Spec {
    fn open(&self) -> Arc<dyn Peers> {
        Arc::new(Completed::new(self.clone()))
    }

    fn compares_trials(&self) -> bool {
        true
    }
}

impl Peers for Completed {
    fn join(&self, _trial: u64) -> Box<dyn Policy> {
        Box::new(Rule {
            spec: self.spec.clone(),
            memory: Arc::clone(&self.memory),
            best: f64::NEG_INFINITY,
        })
    }
}

#[derive(Debug)]
struct Rule {
    spec: Spec,
    memory: Arc<Mutex<Memory>>,
    /// The best score of the observations seen.
    best: f64,
}

impl Rule {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the rule compares at the last epoch: Optuna's first report of an interval.
    fn is_due(&self, view: &View<'_>) -> bool {
        let epoch = view.last().epoch.get();
        let (warmup, interval) = (self.spec.warmup_epochs(), self.spec.interval_epochs());
        if epoch < warmup {
            return false;
        }
        if interval == 0.0 {
            return true;
        }
        let from = ((epoch - warmup) / interval).floor() * interval + warmup;
        let before = view.curve.len().checked_sub(2);
        before.is_none_or(|index| view.curve[index].epoch.get() < from)
    }

    /// The score that a trial has to reach at this epoch.
    fn threshold(&self, epoch: Epoch) -> Option<f64> {
        let memory = self.memory();
        if memory.trials < self.spec.startup_trials() {
            return None;
        }
        let rank = memory.scores.get(&epoch)?;
        if rank.len() < self.spec.min_trials() {
            return None;
        }
        let lower = rank.best_of_rest()?;
        let upper = rank.least_of_top().unwrap_or(lower);
        let (_, share) = self.spec.cut(rank.len());
        let way = upper - lower;
        Some(if share < 0.5 {
            lower + way * share
        } else {
            upper - way * (1.0 - share)
        })
    }
}

impl Policy for Rule {
    fn decide(&mut self, view: &View<'_>) -> Decision {
        let goal = view.settings.goal;
        // Every observation is looked at once, or again where a gap was filled before it.
        self.best = view.curve[view.seen..]
            .iter()
            .map(|observation| goal.score(observation.value))
            .fold(self.best, f64::max);
        let epoch = view.last().epoch;
        let threshold = self
            .is_due(view)
            .then(|| self.threshold(epoch))
            .flatten()
            .filter(|threshold| threshold.is_finite());
        let value = goal.score(self.best);
        let prediction = Some(view.persistence());
        match threshold {
            Some(threshold) if self.best < threshold => {
                let reason = Reason::Rule {
                    epoch,
                    value,
                    threshold: Some(goal.score(threshold)),
                };
                Decision::stop(reason, prediction)
            }
            _ => {
                let reason = Reason::Passed {
                    epoch,
                    value,
                    threshold: threshold.map(|threshold| goal.score(threshold)),
                };
                Decision::go_on(reason, prediction)
            }
        }
    }

    fn complete(&mut self, view: &View<'_>) {
        let goal = view.settings.goal;
        let mut memory = self.memory();
        memory.trials += 1;
        if memory.values + view.curve.len() > MOST_VALUES {
            return;
        }
        memory.values += view.curve.len();
        let mut mean = 0.0;
        for (index, observation) in view.curve.iter().enumerate() {
            let score = goal.score(observation.value);
            mean += (score - mean) / (index + 1) as f64;
            let counts = if self.spec.running_average() {
                mean
            } else {
                score
            };
            let rank = memory.scores.entry(observation.epoch).or_default();
            rank.insert(counts, |n| self.spec.cut(n).0);
        }
    }
}
