//! Curve families: shapes that learning curves take, each with its bounds, derivative and solver.
//!
//! A new family is one file that implements [`Family`], a variant of [`Name`] and its lines in
//! [`Name::family`].

mod exp;
mod exp2;
mod exp3;
mod exp4;
mod expd3;
mod expp3;
mod ilog2;
mod log2;
mod mmf4;
mod parameters;
mod pow2;
mod pow3;
mod shapes;
mod vap3;
mod wbl4;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::fit::{Failure, Outcome, Points};
pub use exp::Exp;
pub use exp2::Exp2;
pub use exp3::Exp3;
pub use exp4::Exp4;
pub use expd3::Expd3;
pub use expp3::Expp3;
pub use ilog2::Ilog2;
pub use log2::Log2;
pub use mmf4::Mmf4;
pub use parameters::{Error, MOST, Parameters};
pub use pow2::Pow2;
pub use pow3::Pow3;
pub use vap3::Vap3;
pub use wbl4::Wbl4;

/// The name of a family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Name {
    /// [`Exp`]: `a - b^(c-x)`.
    #[default]
    Exp,
    /// [`Pow2`]: `a x^b`.
    Pow2,
    /// [`Pow3`]: `a x^b + c`.
    Pow3,
    /// [`Log2`]: `a ln x + b`.
    Log2,
    /// [`Exp2`]: `a e^(b x)`.
    Exp2,
    /// [`Exp3`]: `a e^(b x) + c`.
    Exp3,
    /// [`Exp4`]: `c - e^(b - a x^d)`.
    Exp4,
    /// [`Expp3`]: `c - e^((x-b)^a)`.
    Expp3,
    /// [`Expd3`]: `c - (c - a) e^(-b x)`.
    Expd3,
    /// [`Vap3`]: `e^(a + b/x + c ln x)`.
    Vap3,
    /// [`Mmf4`]: `(a b + c x^d) / (b + x^d)`.
    Mmf4,
    /// [`Wbl4`]: `a - b e^(-c x^d)`.
    Wbl4,
    /// [`Ilog2`]: `b - a / ln(x+1)`.
    Ilog2,
}

impl Name {
    /// Every family.
    pub const ALL: &'static [Self] = &[
        Self::Exp,
        Self::Pow2,
        Self::Pow3,
        Self::Log2,
        Self::Exp2,
        Self::Exp3,
        Self::Exp4,
        Self::Expp3,
        Self::Expd3,
        Self::Vap3,
        Self::Mmf4,
        Self::Wbl4,
        Self::Ilog2,
    ];

    /// The name as text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exp => "exp",
            Self::Pow2 => "pow2",
            Self::Pow3 => "pow3",
            Self::Log2 => "log2",
            Self::Exp2 => "exp2",
            Self::Exp3 => "exp3",
            Self::Exp4 => "exp4",
            Self::Expp3 => "expp3",
            Self::Expd3 => "expd3",
            Self::Vap3 => "vap3",
            Self::Mmf4 => "mmf4",
            Self::Wbl4 => "wbl4",
            Self::Ilog2 => "ilog2",
        }
    }

    /// The family of this name.
    pub const fn family(self) -> &'static dyn Family {
        match self {
            Self::Exp => &Exp,
            Self::Pow2 => &Pow2,
            Self::Pow3 => &Pow3,
            Self::Log2 => &Log2,
            Self::Exp2 => &Exp2,
            Self::Exp3 => &Exp3,
            Self::Exp4 => &Exp4,
            Self::Expp3 => &Expp3,
            Self::Expd3 => &Expd3,
            Self::Vap3 => &Vap3,
            Self::Mmf4 => &Mmf4,
            Self::Wbl4 => &Wbl4,
            Self::Ilog2 => &Ilog2,
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

    /// Which parameter is what the curve tends to; none where it tends to nothing finite.
    fn asymptote(&self) -> Option<usize> {
        None
    }

    /// Whether it is one of ln x or a power of x, and so needs x above zero.
    fn needs_logarithms(&self) -> bool {
        false
    }

    /// `F(x)` at the parameters `p`; may overflow to an infinity far outside of the data.
    fn value(&self, p: &[f64], x: f64) -> f64;

    /// The derivative of `F(x)` by each parameter; entries past the last parameter are zero.
    fn gradient(&self, p: &[f64], x: f64) -> [f64; MOST];

    /// The parameters within the bounds that minimize the sum of squares. Does not allocate.
    fn solve(&self, points: &Points<'_>) -> Result<Solution, Failure>;
}

/// The values that the metric tends to: up to twice the best, for what is predicted from a start.
const ASYMPTOTE: (f64, f64) = (0.0, 200.0);
/// Bounds that only keep a parameter from running away.
const WIDE: (f64, f64) = (-1000.0, 1000.0);

const fn parameter(name: &'static str, (lower, upper): (f64, f64)) -> Parameter {
    Parameter { name, lower, upper }
}

/// A solution of a family, its numbers brought within its bounds where rounding left them.
fn solution(family: &dyn Family, numbers: &[f64]) -> Result<Solution, Failure> {
    let bounds = family.parameters();
    let (mut values, mut on) = ([0.0; MOST], [false; MOST]);
    for (index, (&number, bound)) in numbers.iter().zip(bounds).enumerate() {
        // `max` and `min` would turn a NaN into a bound.
        if !number.is_finite() {
            return Err(Failure::Overflow);
        }
        values[index] = number.max(bound.lower).min(bound.upper);
        let near = 1e-9 * (1.0 + number.abs());
        on[index] = number - bound.lower <= near || bound.upper - number <= near;
    }
    let parameters = Parameters::new(&values[..bounds.len()]).map_err(|_| Failure::Overflow)?;
    Ok(Solution {
        parameters,
        outcome: Outcome::at_bounds(on),
    })
}
