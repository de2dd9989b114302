//! Curve families: shapes that learning curves take, each with its bounds, derivative and solver.
//!
//! A new family is one file that implements [`Family`], a variant of [`Name`] and its lines in
//! [`Name::family`].

mod exp;
mod parameters;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::fit::{Failure, Outcome};
pub use exp::Exp;
pub use parameters::{Error, MOST, Parameters};

/// The name of a family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Name {
    /// [`Exp`]: `a - b^(c-x)`.
    #[default]
    Exp,
}

impl Name {
    /// Every family.
    pub const ALL: &'static [Self] = &[Self::Exp];

    /// The name as text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exp => "exp",
        }
    }

    /// The family of this name.
    pub const fn family(self) -> &'static dyn Family {
        match self {
            Self::Exp => &Exp,
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text names no family.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a curve family; there are: {}", known())]
pub struct Unknown {
    given: String,
}

fn known() -> String {
    Name::ALL
        .iter()
        .map(|name| name.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}

impl FromStr for Name {
    type Err = Unknown;

    fn from_str(text: &str) -> Result<Self, Unknown> {
        let known = Self::ALL.iter().find(|name| name.as_str() == text);
        known.copied().ok_or_else(|| Unknown {
            given: text.chars().take(100).collect(),
        })
    }
}

/// One parameter of a family: what it is called and where it may lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameter {
    /// As in the family's formula.
    pub name: &'static str,
    /// The least value allowed.
    pub lower: f64,
    /// The largest value allowed; infinite for none.
    pub upper: f64,
}

/// What a solver found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Solution {
    /// The best parameters.
    pub parameters: Parameters,
    /// Which of them lie on a bound.
    pub outcome: Outcome,
}

/// A shape `F(x)`, fitted by least squares to values in percent of the metric's range.
pub trait Family: Sync {
    /// Its name.
    fn name(&self) -> Name;

    /// Its parameters, in order; at most [`MOST`].
    fn parameters(&self) -> &'static [Parameter];

    /// `F(x)` at the parameters `p`; may overflow to an infinity far outside of the data.
    fn value(&self, p: &[f64], x: f64) -> f64;

    /// The derivative of `F(x)` by each parameter; entries past the last parameter are zero.
    fn gradient(&self, p: &[f64], x: f64) -> [f64; MOST];

    /// The parameters within the bounds that minimize the sum of squares.
    ///
    /// The points are checked: at least two, as many in `x` as in `y`, all finite, `x` strictly
    /// increasing. Does not allocate.
    fn solve(&self, x: &[f64], y: &[f64]) -> Result<Solution, Failure>;
}
