//! Curve families: shapes that learning curves take, each with its bounds, derivative and solver.
//!
//! A new family is one file that implements [`Family`] and one line in `families!` below; the tests
//! of all families are then its own, too.

mod shapes;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

pub use crate::parameters::{Error, MOST, Parameters};
use crate::solve::{Failure, Outcome, Points};

/// Declares the families, a line each: `module::Type = "formula";`. The module's name is the
/// family's.
macro_rules! families {
    ($($(#[$attribute:meta])* $module:ident::$Family:ident = $formula:literal;)*) => {
        $(
            mod $module;
            pub use $module::$Family;
        )*

        /// The name of a family.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Name {
            $(
                #[doc = concat!("[`", stringify!($Family), "`]: `", $formula, "`.")]
                $(#[$attribute])*
                $Family,
            )*
        }

        impl Name {
            /// Every family.
            pub const ALL: &'static [Self] = &[$(Self::$Family),*];

            /// The name as text.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$Family => stringify!($module),)*
                }
            }

            /// The family of this name.
            pub const fn family(self) -> &'static dyn Family {
                match self {
                    $(Self::$Family => &$Family,)*
                }
            }
        }
    };
}

families! {
    #[default]
    exp::Exp = "a - b^(c-x)";
    pow2::Pow2 = "a x^b";
    pow3::Pow3 = "a x^b + c";
    log2::Log2 = "a ln x + b";
    exp2::Exp2 = "a e^(b x)";
    exp3::Exp3 = "a e^(b x) + c";
    exp4::Exp4 = "c - e^(b - a x^d)";
    expp3::Expp3 = "c - e^((x-b)^a)";
    expd3::Expd3 = "c - (c - a) e^(-b x)";
    vap3::Vap3 = "e^(a + b/x + c ln x)";
    mmf4::Mmf4 = "(a b + c x^d) / (b + x^d)";
    wbl4::Wbl4 = "a - b e^(-c x^d)";
    ilog2::Ilog2 = "b - a / ln(x+1)";
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

    /// Parameters of an ordinary learning curve, others for each four numbers in [0, 1), with values
    /// in percent at x from 1 to 40: what the tests of all families are made with. Entries past
    /// the last parameter are zero.
    fn ordinary(&self, draw: [f64; 4]) -> [f64; MOST];

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
