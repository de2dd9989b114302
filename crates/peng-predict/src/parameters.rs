//! A handful of numbers without a heap.

use std::ops::Deref;

use serde::{Deserialize, Serialize};

/// The most parameters that a family has.
pub const MOST: usize = 4;

/// The parameters of a curve, at most [`MOST`], all finite; reads as a slice. Serialized as a
/// list.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Few", into = "Few")]
pub struct Parameters {
    values: [f64; MOST],
    length: usize,
}

/// Why numbers are no parameters.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// More than any family has.
    #[error("parameters: at most {MOST} numbers, got {0}")]
    TooMany(usize),
    /// One is NaN or infinite.
    #[error("parameters: number {index} must be finite, got {value}")]
    NotFinite {
        /// Which, from 0.
        index: usize,
        /// What it is.
        value: f64,
    },
}

impl Parameters {
    /// Takes up to [`MOST`] finite numbers.
    pub fn new(numbers: &[f64]) -> Result<Self, Error> {
        if numbers.len() > MOST {
            return Err(Error::TooMany(numbers.len()));
        }
        let mut values = [0.0; MOST];
        for (index, (to, &value)) in values.iter_mut().zip(numbers).enumerate() {
            if !value.is_finite() {
                return Err(Error::NotFinite { index, value });
            }
            *to = value;
        }
        Ok(Self {
            values,
            length: numbers.len(),
        })
    }
}

impl Deref for Parameters {
    type Target = [f64];

    fn deref(&self) -> &[f64] {
        &self.values[..self.length]
    }
}

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Few(Vec<f64>);

impl TryFrom<Few> for Parameters {
    type Error = Error;

    fn try_from(few: Few) -> Result<Self, Error> {
        Self::new(&few.0)
    }
}

impl From<Parameters> for Few {
    fn from(parameters: Parameters) -> Self {
        Self(parameters.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_few_finite_numbers() {
        assert_eq!(&*Parameters::new(&[1.0, 2.0]).unwrap(), &[1.0, 2.0]);
        assert_eq!(Parameters::new(&[0.0; 5]), Err(Error::TooMany(5)));
        assert!(matches!(
            Parameters::new(&[0.0, f64::NAN]),
            Err(Error::NotFinite { index: 1, .. })
        ));
    }
}
