//! What a training reports.

use crate::epoch::Epoch;

/// One value of the experiment's metric, measured at one epoch of a training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// When the value was measured.
    pub epoch: Epoch,
    /// The value, in the experiment's unit; NaN or an infinity is how a diverged training reports
    /// itself.
    pub value: f64,
}

impl Observation {
    /// Puts epoch and value together.
    pub const fn new(epoch: Epoch, value: f64) -> Self {
        Self { epoch, value }
    }

    /// Whether the training has diverged: its value is not a finite number.
    pub const fn is_diverged(&self) -> bool {
        !self.value.is_finite()
    }
}
