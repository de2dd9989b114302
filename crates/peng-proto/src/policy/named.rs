//! A policy by its name: for those that have no message of their own.

use peng_predict::policy::{Error as Refused, Spec};
use serde_json::Value;

use crate::{error::Error, v1};

pub(super) fn parse(wire: &v1::NamedPolicy) -> Result<Spec, Error> {
    let pairs: Vec<(&String, &String)> = wire.parameters.iter().collect();
    Spec::parse(&wire.name, &pairs).map_err(|error| match error {
        Refused::UnknownName { .. } => Error::field("name", error),
        Refused::Parameter { .. } => Error::field("parameters", error),
    })
}

/// The policy with every parameter that has a text.
pub(super) fn to_wire(spec: &Spec) -> v1::NamedPolicy {
    let json = serde_json::to_value(spec).unwrap_or_default();
    let parameters = json.as_object().into_iter().flatten();
    let parameters = parameters.filter(|(key, _)| *key != "name");
    v1::NamedPolicy {
        name: spec.name().to_owned(),
        parameters: parameters
            .filter_map(|(key, value)| Some((key.clone(), text(value)?)))
            .collect(),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_of_plain_parameters_survives_the_wire() {
        for name in Spec::NAMES {
            let none: &[(&str, &str)] = &[];
            // `any_of` needs its parts, and they are no texts.
            let Ok(spec) = Spec::parse(name, none) else {
                assert_eq!(*name, "any_of");
                continue;
            };
            assert_eq!(parse(&to_wire(&spec)).unwrap(), spec);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wire = |name: &str, key: &str, value: &str| v1::NamedPolicy {
            name: name.to_owned(),
            parameters: [(key.to_owned(), value.to_owned())].into(),
        };
        let field = |wire| parse(&wire).unwrap_err().fields[0].clone();
        let (path, why) = field(wire("medium", "percentile", "50"));
        assert_eq!(path, "name");
        assert!(why.contains("medium") && why.contains("median"), "{why}");
        let (path, why) = field(wire("median", "percentile", "500"));
        assert_eq!(path, "parameters");
        assert!(
            why.contains("percentile must be between 0 and 100"),
            "{why}"
        );
        let parts = wire("any_of", "policies", "asha,patience");
        assert_eq!(parse(&parts).unwrap().name(), "any_of");
    }
}
