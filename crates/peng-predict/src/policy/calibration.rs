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
    /// How many of all trials that no verdict could end were. `lost_best / best` is the rate of
    /// false stops, to be compared with the policy's `risk`.
    pub best: u64,
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
            widening: 1.0,
        }
    }
}
