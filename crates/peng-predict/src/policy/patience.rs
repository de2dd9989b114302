//! Stop what no longer gets better: early stopping by patience (Prechelt, *Early Stopping - But
//! When?*, 1998), as training loops have it built in.
//!
//! Semantics: the value improves when it is better than the best before by more than `min_gain`;
//! after `observations` observations without an improvement the trial stops. That is how Keras'
//! `EarlyStopping` counts with its `patience` and `min_delta`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Kind, Peers, Policy, View};
use crate::observation::Observation;
use crate::reason::Reason;
use crate::verdict::Decision;

/// The parameters of the policy; the defaults are 5 observations and 0.1 percent of the range.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct Spec {
    raw: Raw,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Raw {
    observations: usize,
    min_gain: f64,
    warmup_epochs: f64,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            observations: 5,
            min_gain: 0.1,
            warmup_epochs: 0.0,
        }
    }
}

/// Why parameters are refused.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// `observations` is zero or above 10,000.
    #[error("observations must be between 1 and 10000, got {0}")]
    Observations(usize),
    /// `min_gain` is negative, above 100 or not a number.
    #[error("min_gain must be between 0 and 100 percent of the metric's range, got {0}")]
    MinGain(f64),
    /// `warmup_epochs` is negative or not finite.
    #[error("warmup_epochs must be a finite number of at least 0 epochs, got {0}")]
    WarmupEpochs(f64),
}

impl Spec {
    /// `observations`: how many without an improvement, 1 to 10,000. `min_gain`: what counts as
    /// one, in percent of the metric's range. `warmup_epochs`: no stop before.
    pub fn new(observations: usize, min_gain: f64, warmup_epochs: f64) -> Result<Self, Error> {
        Self::try_from(Raw {
            observations,
            min_gain,
            warmup_epochs,
        })
    }

    /// How many observations without an improvement stop the trial.
    pub const fn observations(&self) -> usize {
        self.raw.observations
    }

    /// The least improvement that counts, in percent of the metric's range.
    pub const fn min_gain(&self) -> f64 {
        self.raw.min_gain
    }

    /// The epochs before which nothing stops.
    pub const fn warmup_epochs(&self) -> f64 {
        self.raw.warmup_epochs
    }
}

impl TryFrom<Raw> for Spec {
    type Error = Error;

    fn try_from(raw: Raw) -> Result<Self, Error> {
        if !(1..=10_000).contains(&raw.observations) {
            return Err(Error::Observations(raw.observations));
        }
        if !(0.0..=100.0).contains(&raw.min_gain) {
            return Err(Error::MinGain(raw.min_gain));
        }
        if !(raw.warmup_epochs >= 0.0 && raw.warmup_epochs.is_finite()) {
            return Err(Error::WarmupEpochs(raw.warmup_epochs));
        }
        Ok(Self { raw })
    }
}

impl From<Spec> for Raw {
    fn from(spec: Spec) -> Self {
        spec.raw
    }
}

impl Kind for Spec {
    fn open(&self) -> Arc<dyn Peers> {
        Arc::new(self.clone())
    }
}

impl Peers for Spec {
    fn join(&self, _trial: u64) -> Box<dyn Policy> {
        Box::new(Rule {
            spec: self.clone(),
            best: f64::NEG_INFINITY,
            since: 0,
            counted: 0,
        })
    }
}

#[derive(Debug)]
struct Rule {
    spec: Spec,
    /// The best value of the curve seen, as the least gain lets it count, in percent.
    best: f64,
    /// Observations after it.
    since: usize,
    /// Observations that went into both.
    counted: usize,
}

impl Policy for Rule {
    fn decide(&mut self, view: &View<'_>) -> Decision {
        if view.seen != self.counted {
            // A gap was filled.
            (self.best, self.since, self.counted) = (f64::NEG_INFINITY, 0, 0);
        }
        let scale = view.settings.scale();
        for observation in &view.curve[self.counted..] {
            self.count(scale.to_percent(observation.value));
        }
        self.counted = view.curve.len();
        self.judge(view, view.last())
    }
}

impl Rule {
    fn count(&mut self, percent: f64) {
        if percent > self.best + self.spec.min_gain() || self.best == f64::NEG_INFINITY {
            self.best = percent;
            self.since = 0;
        } else {
            self.since += 1;
        }
    }

    fn judge(&self, view: &View<'_>, last: Observation) -> Decision {
        let scale = view.settings.scale();
        let prediction = Some(view.persistence());
        let due = self.since >= self.spec.observations();
        if due && last.epoch.get() >= self.spec.warmup_epochs() {
            let recent = &view.curve[view.curve.len() - self.since..];
            let best = recent
                .iter()
                .map(|observation| scale.to_percent(observation.value))
                .fold(f64::NEG_INFINITY, f64::max);
            let reason = Reason::Plateau {
                observations: self.since,
                gain: best - self.best,
                least: self.spec.min_gain(),
            };
            return Decision::stop(reason, prediction);
        }
        let reason = Reason::Passed {
            epoch: last.epoch,
            value: last.value,
            threshold: None,
        };
        Decision::go_on(reason, prediction)
    }
}
