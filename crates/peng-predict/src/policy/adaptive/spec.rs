//! The parameters of `adaptive`.

use serde::{Deserialize, Serialize};

/// The parameters of the policy; none needs tuning to an experiment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct Spec {
    raw: Raw,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Raw {
    best_fraction: f64,
    risk: f64,
    explore: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    accuracy: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tolerance: Option<f64>,
    startup_trials: usize,
    families: bool,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            best_fraction: 0.1,
            risk: 0.2,
            explore: 0.01,
            accuracy: None,
            tolerance: None,
            startup_trials: 4,
            families: false,
        }
    }
}

/// Why parameters are refused.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// `best_fraction` is not in (0, 0.5].
    #[error("best_fraction must be above 0 and at most 0.5, got {0}")]
    BestFraction(f64),
    /// `risk` is not in (0, 1].
    #[error("risk must be above 0 and at most 1, got {0}")]
    Risk(f64),
    /// `explore` is not in [0, 1].
    #[error("explore must be between 0 and 1, got {0}")]
    Explore(f64),
    /// `accuracy` is negative or not finite.
    #[error("accuracy must be a finite number of at least 0 in the metric's unit, got {0}")]
    Accuracy(f64),
    /// `tolerance` is not above 0 or not finite.
    #[error("tolerance must be a finite number above 0 in the metric's unit, got {0}")]
    Tolerance(f64),
    /// `startup_trials` is above a million.
    #[error("startup_trials must be at most 1000000, got {0}")]
    StartupTrials(usize),
}

impl Spec {
    /// Looks for the best `best_fraction` of the trials, in (0, 0.5], and may lose the share
    /// `risk` of them in expectation, in (0, 1]; the defaults for the others.
    pub fn new(best_fraction: f64, risk: f64) -> Result<Self, Error> {
        Self::try_from(Raw {
            best_fraction,
            risk,
            ..Raw::default()
        })
    }

    /// With this share of the trials never stopped, in [0, 1], so that calibration can be
    /// measured.
    pub fn with_explore(mut self, explore: f64) -> Result<Self, Error> {
        self.raw.explore = explore;
        Self::try_from(self.raw)
    }

    /// With this half-width of the 90 % interval being close enough to stop one of the best, in
    /// the metric's unit; 0 for never. None for 0.5 % of the width of the metric's range, or a
    /// twentieth of the distance between the ninth and the first decile of the fitness of the
    /// trials so far if that is less.
    pub fn with_accuracy(mut self, accuracy: Option<f64>) -> Result<Self, Error> {
        self.raw.accuracy = accuracy;
        Self::try_from(self.raw)
    }

    /// With the fitness that is handed to the search off by at most this in the mean over the
    /// trials, in expectation and in the metric's unit. None for 4.25 % of the width of the metric's
    /// range or, if one of these is less, 8 % of the distance between the first decile of the first
    /// observations of the trials so far and the ninth of their fitness, or three times the distance
    /// between the first and the ninth decile of their fitness.
    pub fn with_tolerance(mut self, tolerance: Option<f64>) -> Result<Self, Error> {
        self.raw.tolerance = tolerance;
        Self::try_from(self.raw)
    }

    /// With the extrapolations of curve families among what is compared, or without.
    #[must_use]
    pub fn with_families(mut self, families: bool) -> Self {
        self.raw.families = families;
        self
    }

    /// With no stop before so many trials have ended. No prediction is made from fewer than
    /// three.
    pub fn with_startup_trials(mut self, startup_trials: usize) -> Result<Self, Error> {
        self.raw.startup_trials = startup_trials;
        Self::try_from(self.raw)
    }

    /// The share of the trials that counts as the best, in (0, 0.5].
    pub const fn best_fraction(&self) -> f64 {
        self.raw.best_fraction
    }

    /// The share of the best that may be lost in expectation, in (0, 1].
    pub const fn risk(&self) -> f64 {
        self.raw.risk
    }

    /// The share of the trials that is never stopped, in [0, 1].
    pub const fn explore(&self) -> f64 {
        self.raw.explore
    }

    /// The half-width of the 90 % interval that is close enough, in the metric's unit, where it
    /// is given.
    pub const fn accuracy(&self) -> Option<f64> {
        self.raw.accuracy
    }

    /// By how much the fitness that is handed to the search may be off in the mean, in the metric's
    /// unit, where it is given.
    pub const fn tolerance(&self) -> Option<f64> {
        self.raw.tolerance
    }

    /// Whether the extrapolations of curve families are among what is compared.
    pub const fn families(&self) -> bool {
        self.raw.families
    }

    /// How many trials must have ended before any is stopped.
    pub const fn startup_trials(&self) -> usize {
        self.raw.startup_trials
    }
}

impl TryFrom<Raw> for Spec {
    type Error = Error;

    fn try_from(raw: Raw) -> Result<Self, Error> {
        if !(raw.best_fraction > 0.0 && raw.best_fraction <= 0.5) {
            return Err(Error::BestFraction(raw.best_fraction));
        }
        if !(raw.risk > 0.0 && raw.risk <= 1.0) {
            return Err(Error::Risk(raw.risk));
        }
        if !(0.0..=1.0).contains(&raw.explore) {
            return Err(Error::Explore(raw.explore));
        }
        if let Some(accuracy) = raw.accuracy
            && !(accuracy >= 0.0 && accuracy.is_finite())
        {
            return Err(Error::Accuracy(accuracy));
        }
        if let Some(tolerance) = raw.tolerance
            && !(tolerance > 0.0 && tolerance.is_finite())
        {
            return Err(Error::Tolerance(tolerance));
        }
        if raw.startup_trials > 1_000_000 {
            return Err(Error::StartupTrials(raw.startup_trials));
        }
        Ok(Self { raw })
    }
}

impl From<Spec> for Raw {
    fn from(spec: Spec) -> Self {
        spec.raw
    }
}
