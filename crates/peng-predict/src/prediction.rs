//! What a curve says about the fitness.

use serde::{Deserialize, Serialize};

use crate::family::{self, Parameters};
use crate::solve::Outcome;

/// The predicted fitness: the metric's value at the experiment's target epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// The value, finite, in the metric's unit; an extrapolation, so that it may leave the
    /// metric's range.
    pub fitness: f64,
    /// How sure it is; none where the curve has no points to spare for judging its noise.
    pub interval: Option<Interval>,
    /// The narrower interval that should hold the fitness as often as not, from which calibration
    /// is judged; none where the policy does not state one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_50: Option<Interval>,
    /// By what factor the intervals are wider than the policy first thought, since earlier ones did
    /// not hold what they promised; below 1 where they are narrower, none where the policy does not
    /// learn from that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub widening: Option<f64>,
    /// The fitted curve; none where the fitness was measured, or is held to be the value so far.
    pub curve: Option<Curve>,
}

impl Prediction {
    /// A value taken for the fitness as it is.
    pub const fn of_value(value: f64) -> Self {
        Self {
            fitness: value,
            interval: None,
            interval_50: None,
            widening: None,
            curve: None,
        }
    }
}

/// Where the fitness would be measured, with a stated probability.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end, finite, in the metric's unit.
    pub lower: f64,
    /// Upper end, finite, in the metric's unit.
    pub upper: f64,
    /// The nominal probability, in (0, 1).
    pub level: f64,
}

/// A fitted curve.
///
/// It lives on the scale of [`crate::metric::Scale`]: values are percent of the metric's range,
/// larger is better, which for an accuracy in percent is the accuracy itself. Its x is the
/// policy's axis.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// The family it is of.
    pub family: family::Name,
    /// Its parameters, in the order that the family names them.
    pub parameters: Parameters,
    /// Sum of the squared residuals.
    pub sse: f64,
    /// How many observations were fitted.
    pub points: usize,
    /// How the fit ended.
    pub outcome: Outcome,
}

impl Curve {
    /// The curve's value at `x`, in percent of the metric's range.
    pub fn value(&self, x: f64) -> f64 {
        self.family.family().value(&self.parameters, x)
    }
}
