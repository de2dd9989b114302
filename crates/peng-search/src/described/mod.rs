//! A space described in a file: parameters with choices and ranges, some under conditions.
//!
//! ```
//! let space: peng_search::described::Space = serde_json::from_str(r#"{"parameters": [
//!     {"name": "layers", "integer": {"from": 1, "to": 3}},
//!     {"name": "optimizer", "choice": ["sgd", "adam"]},
//!     {"name": "momentum", "real": {"from": 0.0, "to": 0.99},
//!      "when": [{"parameter": "optimizer", "is": ["sgd"]}]},
//!     {"name": "learning_rate", "real": {"from": 1e-4, "to": 0.1, "log": true}}
//! ]}"#)?;
//! assert_eq!(space.parameters().len(), 4);
//! # Ok::<(), serde_json::Error>(())
//! ```

mod check;
mod parameter;
mod value;
mod variation;

use serde::{Deserialize, Serialize};

pub use check::Mismatch;
pub use parameter::{Condition, Domain, Error, Integers, Parameter, Reals};
pub use value::{ParseError, Value, Values};

/// Most parameters of a space.
pub const MAX_PARAMETERS: usize = 256;

/// Parameters in their order: a condition names one that comes before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct Space {
    parameters: Vec<Parameter>,
}

/// A space as it is written down, before it is checked.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    parameters: Vec<Parameter>,
}

impl Space {
    /// A space of these parameters, 1 to [`MAX_PARAMETERS`].
    pub fn new(parameters: Vec<Parameter>) -> Result<Self, Error> {
        parameter::check(&parameters)?;
        Ok(Self { parameters })
    }

    /// The parameters in their order.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }
}

impl TryFrom<Fields> for Space {
    type Error = Error;

    fn try_from(fields: Fields) -> Result<Self, Error> {
        Self::new(fields.parameters)
    }
}

impl From<Space> for Fields {
    fn from(space: Space) -> Self {
        Self {
            parameters: space.parameters,
        }
    }
}

#[cfg(test)]
mod tests;
