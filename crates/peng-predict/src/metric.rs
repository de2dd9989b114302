//! What is measured: its goal, its range, and the scale on which curves are fitted.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which way the metric gets better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// Larger is better: an accuracy.
    #[default]
    Maximize,
    /// Smaller is better: an error, a loss.
    Minimize,
}

impl Goal {
    /// The value as it is or negated, exactly, so that larger is better; its own inverse.
    pub fn score(self, value: f64) -> f64 {
        match self {
            Self::Maximize => value,
            Self::Minimize => -value,
        }
    }
}

/// The values that the metric can take, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Ends", into = "Ends")]
pub struct ValueRange {
    lower: f64,
    upper: f64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ends {
    lower: f64,
    upper: f64,
}

/// Why two numbers are no range.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// An end is NaN, infinite or of a magnitude above [`ValueRange::LARGEST`].
    #[error("range: {end} must be a finite number of magnitude at most 1e300, got {value}")]
    NotFinite {
        /// `lower` or `upper`.
        end: &'static str,
        /// What was given.
        value: f64,
    },
    /// The lower end is not below the upper end.
    #[error("range: lower must be below upper, got {lower} and {upper}")]
    Empty {
        /// The lower end given.
        lower: f64,
        /// The upper end given.
        upper: f64,
    },
}

impl ValueRange {
    /// Percent: 0 to 100.
    pub const PERCENT: Self = Self {
        lower: 0.0,
        upper: 100.0,
    };

    /// The largest magnitude of an end: sums and differences of a few values stay finite.
    pub const LARGEST: f64 = 1e300;

    /// The range from `lower` to `upper`; fails unless both are finite, of magnitude at most
    /// [`Self::LARGEST`], and in this order.
    pub fn new(lower: f64, upper: f64) -> Result<Self, Error> {
        for (end, value) in [("lower", lower), ("upper", upper)] {
            if !value.is_finite() || value.abs() > Self::LARGEST {
                return Err(Error::NotFinite { end, value });
            }
        }
        // Two subnormal ends may differ and yet leave no room to scale by.
        if lower < upper && (100.0 / (upper - lower)).is_finite() {
            Ok(Self { lower, upper })
        } else {
            Err(Error::Empty { lower, upper })
        }
    }

    /// The lower end.
    pub const fn lower(&self) -> f64 {
        self.lower
    }

    /// The upper end.
    pub const fn upper(&self) -> f64 {
        self.upper
    }

    /// Whether the value lies between the ends or on one; a NaN does not.
    pub fn contains(&self, value: f64) -> bool {
        (self.lower..=self.upper).contains(&value)
    }
}

impl Default for ValueRange {
    fn default() -> Self {
        Self::PERCENT
    }
}

impl fmt::Display for ValueRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {}]", self.lower, self.upper)
    }
}

impl TryFrom<Ends> for ValueRange {
    type Error = Error;

    fn try_from(ends: Ends) -> Result<Self, Error> {
        Self::new(ends.lower, ends.upper)
    }
}

impl From<ValueRange> for Ends {
    fn from(range: ValueRange) -> Self {
        Self {
            lower: range.lower,
            upper: range.upper,
        }
    }
}

/// Between the metric's own unit and *percent of its range, larger is better*: the scale on which
/// the paper's bounds and thresholds mean what they say.
///
/// For a maximized metric in percent it is the identity, bit for bit. A minimized metric is
/// mirrored: `a - b^(c-x)` in percent is `(100 - a) + b^(c-x)` before the mirror.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    origin: f64,
    /// Metric units a percent; negative for a minimized metric.
    unit: f64,
}

impl Scale {
    /// The scale of a metric with this goal and range.
    pub fn new(goal: Goal, range: ValueRange) -> Self {
        let unit = (range.upper - range.lower) / 100.0;
        match goal {
            Goal::Maximize => Self {
                origin: range.lower,
                unit,
            },
            Goal::Minimize => Self {
                origin: range.upper,
                unit: -unit,
            },
        }
    }

    /// A value of the metric in percent of its range.
    pub fn to_percent(&self, value: f64) -> f64 {
        (value - self.origin) / self.unit
    }

    /// A percentage of the range in the metric's unit.
    pub fn to_value(&self, percent: f64) -> f64 {
        self.origin + percent * self.unit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_finite_and_not_empty() {
        assert!(ValueRange::new(0.0, 1.0).is_ok());
        for (lower, upper) in [(1.0, 1.0), (2.0, 1.0), (0.0, 5e-324)] {
            assert!(matches!(
                ValueRange::new(lower, upper),
                Err(Error::Empty { .. })
            ));
        }
        for (lower, upper) in [(f64::NAN, 1.0), (0.0, f64::INFINITY), (-1e301, 0.0)] {
            assert!(matches!(
                ValueRange::new(lower, upper),
                Err(Error::NotFinite { .. })
            ));
        }
    }

    #[test]
    fn percent_is_its_own_scale() {
        let scale = Scale::new(Goal::Maximize, ValueRange::PERCENT);
        for value in [0.0, 1.0 / 3.0, 99.9, 100.0] {
            assert_eq!(scale.to_percent(value).to_bits(), value.to_bits());
            assert_eq!(scale.to_value(value).to_bits(), value.to_bits());
        }
    }

    #[test]
    fn a_minimized_metric_is_mirrored() {
        let scale = Scale::new(Goal::Minimize, ValueRange::new(0.0, 10.0).unwrap());
        assert!((scale.to_percent(2.5) - 75.0).abs() < 1e-12);
        assert!((scale.to_value(75.0) - 2.5).abs() < 1e-12);
    }
}
