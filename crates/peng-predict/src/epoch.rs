//! How far a training has come.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

/// A point of a training, in epochs: a positive, finite number; 0.5 is half an epoch.
///
/// Serialized as a plain number.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Epoch(f64);

/// Why a number is no epoch.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The number is zero, negative, infinite or not a number.
    #[error("epoch must be a finite number above 0, got {0}")]
    NotPositive(f64),
}

impl Epoch {
    /// The end of the first epoch.
    pub const ONE: Self = Self(1.0);

    /// Takes a number of epochs; fails unless it is finite and above zero.
    pub fn new(epochs: f64) -> Result<Self, Error> {
        if epochs.is_finite() && epochs > 0.0 {
            Ok(Self(epochs))
        } else {
            Err(Error::NotPositive(epochs))
        }
    }

    /// The number of epochs.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Epoch {
    type Error = Error;

    fn try_from(epochs: f64) -> Result<Self, Error> {
        Self::new(epochs)
    }
}

impl From<Epoch> for f64 {
    fn from(epoch: Epoch) -> Self {
        epoch.0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

// Neither NaN nor a negative zero gets past the constructor, so that bits, order and equality agree.
impl PartialEq for Epoch {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for Epoch {}

impl Ord for Epoch {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Epoch {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Epoch {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_finite_numbers_above_zero_are_epochs() {
        for bad in [0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(Epoch::new(bad).is_err(), "{bad}");
        }
        for good in [f64::MIN_POSITIVE / 4.0, 0.5, 1.0, f64::MAX] {
            assert_eq!(Epoch::new(good).unwrap().get().to_bits(), good.to_bits());
        }
    }

    #[test]
    fn json_is_a_number_and_is_checked() {
        let epoch: Epoch = serde_json::from_str("2.5").unwrap();
        assert_eq!(serde_json::to_string(&epoch).unwrap(), "2.5");
        let error = serde_json::from_str::<Epoch>("-1").unwrap_err();
        assert!(error.to_string().contains("above 0"), "{error}");
    }
}
