//! The parameters of the paper's policy.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::family;

/// What a fit takes as its x.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Axis {
    /// 1, 2, 3, .. in the order of the epochs. The target lies as many steps ahead as it is
    /// mean distances of the observed epochs ahead.
    ByObservation,
    /// The epoch itself.
    #[default]
    ByEpoch,
}

/// Which predictions must be possible values of the metric.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Plausible {
    /// The newest, better than the worst value of the range: in (0, 100] percent of it.
    #[default]
    Newest,
    /// All in the window: in [0, 100] percent of the range.
    Window,
}

/// What the radius is measured in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Threshold {
    /// Percent of the metric's range: points, for a metric in percent.
    #[default]
    Absolute,
    /// Percent of the median of the predictions, itself in percent of the metric's range.
    Relative,
}

/// The parameters of the paper's policy; its defaults are `c_min` 3, `window` 3, `radius` 0.5.
///
/// The target epoch, the paper's `e_pred`, is the experiment's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct Spec {
    raw: Raw,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Raw {
    c_min: usize,
    window: usize,
    radius: f64,
    family: family::Name,
    axis: Axis,
    origin: f64,
    clear_at_bound: bool,
    plausible: Plausible,
    threshold: Threshold,
    #[serde(skip_serializing_if = "Option::is_none")]
    never_learns_epochs: Option<f64>,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            c_min: 3,
            window: 3,
            radius: 0.5,
            family: family::Name::Exp,
            axis: Axis::ByEpoch,
            origin: 0.0,
            clear_at_bound: true,
            plausible: Plausible::Newest,
            threshold: Threshold::Absolute,
            never_learns_epochs: None,
        }
    }
}

/// Why parameters are refused.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// `c_min` is outside of [`Spec::C_MIN`].
    #[error("c_min must be between 2 and 10000 observations, got {0}")]
    CMin(usize),
    /// `window` is outside of [`Spec::WINDOW`].
    #[error("window must be between 2 and 100 predictions, got {0}")]
    Window(usize),
    /// `radius` is not in (0, 100].
    #[error("radius must be above 0 and at most 100 percent of the metric's range, got {0}")]
    Radius(f64),
    /// `origin` is not in [0, 1].
    #[error("origin must be between 0 and 1 epochs, got {0}")]
    Origin(f64),
    /// `never_learns_epochs` is zero, negative or not finite.
    #[error("never_learns_epochs must be a finite number of epochs above 0, got {0}")]
    NeverLearnsEpochs(f64),
}

impl Spec {
    /// What `c_min` may be.
    pub const C_MIN: RangeInclusive<usize> = 2..=10_000;
    /// What `window` may be.
    pub const WINDOW: RangeInclusive<usize> = 2..=100;

    /// The policy with these three parameters and the defaults for the others.
    ///
    /// `c_min`: observations before the first prediction. `window`: how many predictions must
    /// agree, the paper's N. `radius`: how far they may lie from their median, the paper's r, in
    /// percent of the metric's range (so in points, for a metric in percent).
    pub fn new(c_min: usize, window: usize, radius: f64) -> Result<Self, Error> {
        Self::try_from(Raw {
            c_min,
            window,
            radius,
            ..Raw::default()
        })
    }

    /// The convention of PENGUIN's published code: x counts observations, the first prediction
    /// is made from two.
    pub fn penguin() -> Self {
        Self {
            raw: Raw {
                c_min: 2,
                axis: Axis::ByObservation,
                ..Raw::default()
            },
        }
    }

    /// The convention of A4NN's published code: x is the epoch counted from zero, the first
    /// prediction is made from four observations, and a prediction at the bound counts.
    pub fn a4nn() -> Self {
        Self {
            raw: Raw {
                c_min: 4,
                origin: 1.0,
                clear_at_bound: false,
                plausible: Plausible::Window,
                ..Raw::default()
            },
        }
    }

    /// With another curve family.
    #[must_use]
    pub fn with_family(mut self, family: family::Name) -> Self {
        self.raw.family = family;
        self
    }

    /// With another x.
    #[must_use]
    pub fn with_axis(mut self, axis: Axis) -> Self {
        self.raw.axis = axis;
        self
    }

    /// With another epoch, in [0, 1], at which x is zero; matters for [`Axis::ByEpoch`] alone.
    pub fn with_origin(mut self, origin: f64) -> Result<Self, Error> {
        self.raw.origin = origin;
        Self::try_from(self.raw)
    }

    /// With or without clearing the window at the bound.
    #[must_use]
    pub fn with_clear_at_bound(mut self, clear: bool) -> Self {
        self.raw.clear_at_bound = clear;
        self
    }

    /// With another test of plausibility.
    #[must_use]
    pub fn with_plausible(mut self, plausible: Plausible) -> Self {
        self.raw.plausible = plausible;
        self
    }

    /// With the radius measured in another way.
    #[must_use]
    pub fn with_threshold(mut self, threshold: Threshold) -> Self {
        self.raw.threshold = threshold;
        self
    }

    /// With a stop of trials whose best value is so many epochs old, or without. The published
    /// code has this check on the training's loss; here it is on the experiment's metric, so that
    /// it is for metrics that get better as long as anything is learned.
    pub fn with_never_learns_epochs(mut self, epochs: Option<f64>) -> Result<Self, Error> {
        self.raw.never_learns_epochs = epochs;
        Self::try_from(self.raw)
    }

    /// Observations before the first prediction: the paper's `C_min`.
    pub const fn c_min(&self) -> usize {
        self.raw.c_min
    }

    /// How many predictions must agree: the paper's N.
    pub const fn window(&self) -> usize {
        self.raw.window
    }

    /// How far they may lie from their median, in percent of the metric's range: the paper's r.
    pub const fn radius(&self) -> f64 {
        self.raw.radius
    }

    /// The curve family that is fitted.
    pub const fn family(&self) -> family::Name {
        self.raw.family
    }

    /// What a fit takes as its x.
    pub const fn axis(&self) -> Axis {
        self.raw.axis
    }

    /// The epoch at which x is zero, for [`Axis::ByEpoch`].
    pub const fn origin(&self) -> f64 {
        self.raw.origin
    }

    /// Whether a curve whose asymptote is at its upper bound empties the window: it says that
    /// the data do not show an end yet.
    pub const fn clear_at_bound(&self) -> bool {
        self.raw.clear_at_bound
    }

    /// Which predictions must be possible values of the metric.
    pub const fn plausible(&self) -> Plausible {
        self.raw.plausible
    }

    /// What the radius is measured in.
    pub const fn threshold(&self) -> Threshold {
        self.raw.threshold
    }

    /// After how many epochs without a better value a trial is stopped; none for never.
    pub const fn never_learns_epochs(&self) -> Option<f64> {
        self.raw.never_learns_epochs
    }
}

impl TryFrom<Raw> for Spec {
    type Error = Error;

    fn try_from(raw: Raw) -> Result<Self, Error> {
        if !Self::C_MIN.contains(&raw.c_min) {
            return Err(Error::CMin(raw.c_min));
        }
        if !Self::WINDOW.contains(&raw.window) {
            return Err(Error::Window(raw.window));
        }
        if !(raw.radius > 0.0 && raw.radius <= 100.0) {
            return Err(Error::Radius(raw.radius));
        }
        if !(0.0..=1.0).contains(&raw.origin) {
            return Err(Error::Origin(raw.origin));
        }
        if let Some(epochs) = raw.never_learns_epochs
            && !(epochs > 0.0 && epochs.is_finite())
        {
            return Err(Error::NeverLearnsEpochs(epochs));
        }
        Ok(Self { raw })
    }
}

impl From<Spec> for Raw {
    fn from(spec: Spec) -> Self {
        spec.raw
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_parameter_has_its_limits() {
        assert_eq!(Spec::new(1, 3, 0.5), Err(Error::CMin(1)));
        assert_eq!(Spec::new(3, 1, 0.5), Err(Error::Window(1)));
        assert_eq!(Spec::new(3, 101, 0.5), Err(Error::Window(101)));
        assert_eq!(Spec::new(3, 3, 0.0), Err(Error::Radius(0.0)));
        assert!(matches!(Spec::new(3, 3, f64::NAN), Err(Error::Radius(_))));
        assert!(Spec::default().with_origin(2.0).is_err());
        assert_eq!(Spec::new(3, 3, 0.5), Ok(Spec::default()));
    }

    #[test]
    fn json_fills_in_defaults_and_names_the_field_that_is_wrong() {
        let spec: Spec = serde_json::from_str(r#"{"radius": 1.5}"#).unwrap();
        assert_eq!(spec, Spec::new(3, 3, 1.5).unwrap());
        for (json, field) in [
            (r#"{"radius": -1}"#, "radius"),
            (r#"{"c_min": 0}"#, "c_min"),
            (r#"{"rdius": 1}"#, "rdius"),
        ] {
            let error = serde_json::from_str::<Spec>(json).unwrap_err();
            assert!(error.to_string().contains(field), "{error}");
        }
    }
}
