//! Least squares for a family that knows its own shape: the tools that [`Family::solve`] is written
//! with, and how a solution may end.
//!
//! [`Family::solve`]: crate::family::Family::solve

pub(crate) mod effort;
mod points;
pub(crate) mod profile;
pub(crate) mod separable;
pub(crate) mod surface;

use serde::{Deserialize, Serialize};

use crate::parameters::MOST;
pub use points::{Points, Workspace};

/// How a fit that found a curve ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// At an optimum inside of all bounds.
    Converged,
    /// At an optimum on the bound of some parameters: the data ask for more than the family may
    /// give, and the bound is part of the answer. An `exp` curve of which only the first point
    /// is below the asymptote counts as `b` on its (infinite) bound.
    AtBound {
        /// Bit i is set if parameter i of the family lies on a bound.
        parameters: u8,
    },
}

impl Outcome {
    /// The outcome of a fit in which these parameters lie on a bound.
    pub fn at_bounds(on: [bool; MOST]) -> Self {
        let parameters = on
            .iter()
            .enumerate()
            .map(|(index, &on)| u8::from(on) << index)
            .sum();
        if parameters == 0 {
            Self::Converged
        } else {
            Self::AtBound { parameters }
        }
    }

    /// Whether parameter `index` of the family lies on a bound.
    pub fn is_at_bound(&self, index: usize) -> bool {
        match self {
            Self::Converged => false,
            Self::AtBound { parameters } => index < MOST && parameters >> index & 1 == 1,
        }
    }
}

/// Why there is no curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Failure {
    /// A curve needs at least two points.
    #[error("a curve needs at least 2 points, there are {points}")]
    TooFewPoints {
        /// How many there are.
        points: usize,
    },
    /// There are not as many x as y.
    #[error("there must be as many x as y, there are {x} and {y}")]
    Unpaired {
        /// The number of x.
        x: usize,
        /// The number of y.
        y: usize,
    },
    /// An x or y is NaN or infinite.
    #[error("point {index} is not finite")]
    NotFinite {
        /// Which, from 0.
        index: usize,
    },
    /// An x is not larger than the one before it.
    #[error("the x of point {index} is not larger than the one before")]
    NotIncreasing {
        /// Which, from 0.
        index: usize,
    },
    /// The family's formula has no value at an x.
    #[error(
        "the family's formula has no value at the x of point {index}; an x above 0 would be right"
    )]
    OutsideOfDomain {
        /// Which, from 0.
        index: usize,
    },
    /// The numbers are too large or too close to calculate with.
    #[error("the numbers are too large or too close to calculate with")]
    Overflow,
}
