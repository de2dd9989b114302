//! Whether values are a genome of a space.

use super::{Space, Value, Values};

/// Values are no genome of the space.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// An active parameter has no value.
    #[error("the genome has no value for {0:?}, which is active")]
    Missing(String),
    /// A value is outside what the parameter can be.
    #[error("the genome has {value} for {parameter:?}, which it cannot be in this space")]
    Value {
        /// The parameter.
        parameter: String,
        /// Its value.
        value: Value,
    },
    /// A value is there for a parameter that is unknown or not active.
    #[error("the genome has a value for {0:?}, which is no active parameter of this space")]
    Inactive(String),
}

impl Space {
    /// Checks that each active parameter, and no other, has a value that it can have.
    pub fn check(&self, values: &Values) -> Result<(), Mismatch> {
        let mut active = 0;
        for parameter in &self.parameters {
            if !parameter.is_active(values) {
                continue;
            }
            let name = &parameter.name;
            let value = values.get(name);
            let value = value.ok_or_else(|| Mismatch::Missing(name.clone()))?;
            if !parameter.domain.contains(value) {
                return Err(Mismatch::Value {
                    parameter: name.clone(),
                    value: value.clone(),
                });
            }
            active += 1;
        }
        if active == values.0.len() {
            return Ok(());
        }
        let known = |name: &str| {
            let is_it = |p: &&super::Parameter| p.name == name;
            let parameter = self.parameters.iter().find(is_it);
            parameter.is_some_and(|parameter| parameter.is_active(values))
        };
        let odd = values.0.keys().find(|name| !known(name));
        Err(Mismatch::Inactive(odd.cloned().unwrap_or_default()))
    }
}
