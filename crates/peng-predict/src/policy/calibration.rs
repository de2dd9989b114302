//! What a policy's predictions were worth.

use serde::{Deserialize, Serialize};

/// How the predictions fared with which a policy stopped trials, or would have, that were trained
/// on and measured: the explored ones, and all in ADVISE mode.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// How many such trials there were.
    pub stops: u64,
    /// In how many the 50 % interval of the first STOP holds the measured fitness.
    pub covered_50: u64,
    /// In how many the 90 % interval does.
    pub covered_90: u64,
    /// How many were rather among the best than not when they were measured, as the trials
    /// before them told.
    pub lost_best: u64,
    /// How many of all trials that no verdict could end were.
    pub best: u64,
    /// The rate of false stops that was asked for, in (0, 1].
    pub risk: f64,
    /// By what factor intervals are widened because earlier ones were too narrow, or narrowed
    /// where they were too wide.
    pub widening: f64,
}

impl Default for Calibration {
    fn default() -> Self {
        Self {
            stops: 0,
            covered_50: 0,
            covered_90: 0,
            lost_best: 0,
            best: 0,
            risk: 1.0,
            widening: 1.0,
        }
    }
}

impl Calibration {
    /// The share of the 50 % intervals that hold the measured fitness; none before a trial tells.
    pub fn coverage_50(&self) -> Option<f64> {
        share(self.covered_50, self.stops)
    }

    /// The share of the 90 % intervals that hold the measured fitness; none before a trial tells.
    pub fn coverage_90(&self) -> Option<f64> {
        share(self.covered_90, self.stops)
    }

    /// The share of the best trials that a STOP would have lost, to be compared with
    /// [`Self::risk`]; none before one is known.
    pub fn false_stop_rate(&self) -> Option<f64> {
        share(self.lost_best, self.best)
    }
}

impl Calibration {
    /// Several experiments as one: numbers are summed, the widening is their mean and the risk
    /// the highest; none of none.
    pub(crate) fn sum(several: impl Iterator<Item = Self>) -> Option<Self> {
        let several: Vec<Self> = several.collect();
        let widening = several.iter().map(|one| one.widening).sum::<f64>() / several.len() as f64;
        let sum = several.into_iter().reduce(|a, b| Self {
            stops: a.stops + b.stops,
            covered_50: a.covered_50 + b.covered_50,
            covered_90: a.covered_90 + b.covered_90,
            lost_best: a.lost_best + b.lost_best,
            best: a.best + b.best,
            risk: a.risk.max(b.risk),
            widening,
        });
        sum.map(|sum| Self { widening, ..sum })
    }
}

fn share(part: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| part as f64 / all as f64)
}
