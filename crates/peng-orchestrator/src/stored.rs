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

/// How many candidates are evaluated: none depends on it, so that more may be given later.
const BUDGET: &str = "/search/candidates";

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

/// Fails where the settings differ, with the first that does, unless it is by more candidates.
pub(crate) fn compare(stored: &str, given: &str) -> Result<(), Error> {
    let (mut stored, given): (Value, Value) =
        (serde_json::from_str(stored)?, serde_json::from_str(given)?);
    if let (Some(before), Some(now)) = (stored.pointer_mut(BUDGET), given.pointer(BUDGET)) {
        let (most, budget) = (before.as_u64(), now.as_u64());
        if let (Some(stored), Some(given)) = (most, budget)
            && given < stored
        {
            return Err(Error::Fewer { stored, given });
        }
        *before = now.clone();
    }
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
    fn a_search_goes_on_with_more_candidates_and_not_with_fewer() {
        let of = |candidates: u32| format!(r#"{{"search":{{"candidates":{candidates}}}}}"#);
        compare(&of(12), &of(12)).unwrap();
        compare(&of(12), &of(20)).unwrap();
        let error = compare(&of(12), &of(11)).unwrap_err().to_string();
        assert!(error.contains("give 12 or more"), "{error}");
    }

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
