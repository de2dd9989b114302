//! The settings as they are stored, so that a search goes on only with its own.

use peng_predict::{Mode, policy};
use peng_proto::search::Training;
use peng_search::Settings;
use serde::Serialize;
use serde_json::Value;

use crate::{Config, Error};

#[derive(Serialize)]
struct Stored<'a> {
    search: &'a Settings,
    training: &'a Training,
    mode: Mode,
    policy: &'a policy::Spec,
}

/// What leases are like changes nothing of what is found, so it may differ from run to run.
const FREE: [&str; 2] = ["lease", "attempts"];

/// Everything that the result depends on, as JSON.
pub(crate) fn to_json(config: &Config) -> Result<String, Error> {
    let mut value = serde_json::to_value(Stored {
        search: &config.settings,
        training: &config.training,
        mode: config.mode,
        policy: &config.policy,
    })?;
    if let Some(search) = value.get_mut("search").and_then(Value::as_object_mut) {
        search.retain(|name, _| !FREE.contains(&name.as_str()));
    }
    Ok(value.to_string())
}

/// Fails where the settings differ, with the first that does.
pub(crate) fn compare(stored: &str, given: &str) -> Result<(), Error> {
    let (stored, given) = (serde_json::from_str(stored)?, serde_json::from_str(given)?);
    match difference("", &stored, &given) {
        None => Ok(()),
        Some((setting, stored, given)) => Err(Error::Differs {
            setting,
            stored,
            given,
        }),
    }
}

fn difference(path: &str, stored: &Value, given: &Value) -> Option<(String, String, String)> {
    if let (Value::Object(old), Value::Object(new)) = (stored, given) {
        let added = new.keys().filter(|name| !old.contains_key(*name));
        return old.keys().chain(added).find_map(|name| {
            let path = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            let of = |settings: &serde_json::Map<String, Value>| {
                settings.get(name).cloned().unwrap_or_default()
            };
            difference(&path, &of(old), &of(new))
        });
    }
    (stored != given).then(|| (path.to_owned(), stored.to_string(), given.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_that_differs_is_named() {
        let of =
            |epochs: u32| format!(r#"{{"search":{{"seed":1}},"training":{{"epochs":{epochs}}}}}"#);
        compare(&of(12), &of(12)).unwrap();
        let error = compare(&of(12), &of(20)).unwrap_err().to_string();
        assert!(
            error.starts_with("training.epochs is 20, but the stored search has 12"),
            "{error}"
        );
    }
}
