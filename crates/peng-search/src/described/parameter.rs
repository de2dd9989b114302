//! Parameters: what each can be, and when it counts.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::{MAX_PARAMETERS, Value, Values};

/// Most values of a choice.
const MAX_CHOICES: usize = 1_000;
/// Longest name.
const MAX_NAME: usize = 64;

/// One parameter of a candidate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct Parameter {
    /// Its name: 1 to 64 letters, digits, `_`, `-` and `.`.
    pub name: String,
    /// What it can be.
    pub domain: Domain,
    /// It is active when all of these hold, so always if there are none.
    pub when: Vec<Condition>,
}

/// What a parameter can be.
#[derive(Debug, Clone, PartialEq)]
pub enum Domain {
    /// One of these values, each as likely: 1 to 1,000 different ones.
    Choice(Vec<Value>),
    /// A whole number.
    Integer(Integers),
    /// A number.
    Real(Reals),
}

/// Whole numbers, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Integers {
    /// The least.
    pub from: i64,
    /// The greatest, not below `from`.
    pub to: i64,
}

/// Numbers, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reals {
    /// The least, finite; above 0 where `log`.
    pub from: f64,
    /// The greatest, finite and not below `from`.
    pub to: f64,
    /// Whether each order of magnitude is as likely, not each part of the range.
    #[serde(default)]
    pub log: bool,
}

/// Holds when a parameter is active and has one of these values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// A parameter that comes before.
    pub parameter: String,
    /// The values.
    pub is: Vec<Value>,
}

/// A parameter as it is written down.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    choice: Option<Vec<Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    integer: Option<Integers>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    real: Option<Reals>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    when: Vec<Condition>,
}

/// Why a space cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There are none or too many parameters.
    #[error("the space has {0} parameters: it must have 1 to {MAX_PARAMETERS}")]
    Count(usize),
    /// A parameter cannot be.
    #[error("parameter {name:?}: {field} must be {right}")]
    Parameter {
        /// The parameter's name.
        name: String,
        /// What is wrong about it.
        field: &'static str,
        /// What would be right.
        right: String,
    },
}

impl Condition {
    pub(super) fn holds(&self, values: &Values) -> bool {
        let value = values.get(&self.parameter);
        value.is_some_and(|value| self.is.contains(value))
    }
}

impl Parameter {
    /// Whether it counts, given the values of those before it.
    pub(super) fn is_active(&self, values: &Values) -> bool {
        self.when.iter().all(|condition| condition.holds(values))
    }
}

impl Domain {
    pub(super) fn contains(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Choice(values), value) => values.contains(value),
            (Self::Integer(range), Value::Integer(value)) => {
                (range.from..=range.to).contains(value)
            }
            (Self::Real(range), Value::Real(value)) => (range.from..=range.to).contains(value),
            _ => false,
        }
    }
}

pub(super) fn check(parameters: &[Parameter]) -> Result<(), Error> {
    if !(1..=MAX_PARAMETERS).contains(&parameters.len()) {
        return Err(Error::Count(parameters.len()));
    }
    let mut before: Vec<&Parameter> = Vec::new();
    for parameter in parameters {
        let wrong = |field, right: &str| Error::Parameter {
            name: parameter.name.clone(),
            field,
            right: right.to_owned(),
        };
        let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let length = parameter.name.len();
        if !(1..=MAX_NAME).contains(&length) || !parameter.name.chars().all(letter) {
            return Err(wrong("name", "1 to 64 letters, digits, '_', '-' and '.'"));
        }
        if before.iter().any(|other| other.name == parameter.name) {
            return Err(wrong("name", "another than that of a parameter before it"));
        }
        check_domain(&parameter.domain).map_err(|(field, right)| wrong(field, right))?;
        for condition in &parameter.when {
            let Some(other) = before.iter().find(|p| p.name == condition.parameter) else {
                return Err(wrong("when.parameter", "a parameter that comes before"));
            };
            let possible = |value| other.domain.contains(value);
            if condition.is.is_empty() || !condition.is.iter().all(possible) {
                let right = format!("one or more values that {:?} can have", other.name);
                return Err(wrong("when.is", &right));
            }
        }
        before.push(parameter);
    }
    Ok(())
}

fn check_domain(domain: &Domain) -> Result<(), (&'static str, &'static str)> {
    match domain {
        Domain::Choice(values) => {
            let different: HashSet<&Value> = values.iter().collect();
            let counted = (1..=MAX_CHOICES).contains(&values.len());
            let finite = |value: &&Value| !matches!(value, Value::Real(real) if !real.is_finite());
            let finite = values.iter().all(|value| finite(&value));
            if !counted || different.len() < values.len() || !finite {
                return Err(("choice", "1 to 1,000 different values"));
            }
        }
        Domain::Integer(Integers { from, to }) => {
            if from > to {
                return Err(("integer", "a range whose from is not above its to"));
            }
        }
        Domain::Real(Reals { from, to, log }) => {
            if !from.is_finite() || !to.is_finite() || from > to {
                return Err(("real", "a finite range whose from is not above its to"));
            }
            if *log && *from <= 0.0 {
                return Err(("real.from", "above 0 where log is true"));
            }
        }
    }
    Ok(())
}

impl TryFrom<Fields> for Parameter {
    type Error = Error;

    fn try_from(fields: Fields) -> Result<Self, Error> {
        let domain = match (fields.choice, fields.integer, fields.real) {
            (Some(values), None, None) => Domain::Choice(values),
            (None, Some(range), None) => Domain::Integer(range),
            (None, None, Some(range)) => Domain::Real(range),
            _ => {
                return Err(Error::Parameter {
                    name: fields.name,
                    field: "its domain",
                    right: "one of choice, integer and real".to_owned(),
                });
            }
        };
        Ok(Self {
            name: fields.name,
            domain,
            when: fields.when,
        })
    }
}

impl From<Parameter> for Fields {
    fn from(parameter: Parameter) -> Self {
        let (mut choice, mut integer, mut real) = (None, None, None);
        match parameter.domain {
            Domain::Choice(values) => choice = Some(values),
            Domain::Integer(range) => integer = Some(range),
            Domain::Real(range) => real = Some(range),
        }
        Self {
            name: parameter.name,
            choice,
            integer,
            real,
            when: parameter.when,
        }
    }
}
