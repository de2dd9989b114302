//! Rows to values and back.

use std::time::{Duration, SystemTime};

use peng_predict::{Decision, Epoch, Observation};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{Row, sqlite::SqliteRow};

use crate::{
    Error, Event, EventKind, Experiment, ExperimentKey, Logged, Seq, State, Trial, TrialKey,
};

/// Microseconds since 1970; a clock before that reads as 1970.
pub(super) fn micros(at: SystemTime) -> i64 {
    let since = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

fn time(micros: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(micros.unsigned_abs())
}

pub(super) fn to_json(what: &'static str, value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|source| Error::damaged(what, source))
}

pub(super) fn from_json<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|source| Error::damaged(what, source))
}

fn state(text: &str) -> Result<State, Error> {
    State::ALL
        .into_iter()
        .find(|state| state.as_str() == text)
        .ok_or_else(|| Error::damaged("trial state", format!("`{text}` is no state")))
}

pub(super) fn experiment(row: &SqliteRow) -> Result<Experiment, Error> {
    Ok(Experiment {
        key: ExperimentKey(row.try_get("key")?),
        id: row.try_get("id")?,
        label: from_json("experiment label", row.try_get("label")?)?,
        settings: from_json("experiment", row.try_get("settings")?)?,
        created: time(row.try_get("created_us")?),
    })
}

pub(super) fn trial(row: &SqliteRow) -> Result<Trial, Error> {
    Ok(Trial {
        key: TrialKey::new(row.try_get("key")?),
        id: row.try_get("id")?,
        display_name: row.try_get("display_name")?,
        state: state(row.try_get("state")?)?,
        message: row.try_get("message")?,
        created: time(row.try_get("created_us")?),
        ended: row.try_get::<Option<i64>, _>("ended_us")?.map(time),
    })
}

/// An observation and its decision, from a row whose `epoch` is set.
pub(super) fn logged(row: &SqliteRow) -> Result<Logged, Error> {
    let epoch = Epoch::new(row.try_get("epoch")?)
        .map_err(|source| Error::damaged("observation", source))?;
    let value: Option<f64> = row.try_get("value")?;
    let observation = Observation {
        epoch,
        value: value.unwrap_or(f64::NAN),
    };
    let decision: Decision = from_json("decision", row.try_get("decision")?)?;
    Ok(Logged {
        observation,
        decision,
    })
}

pub(super) fn event(row: &SqliteRow) -> Result<Event, Error> {
    let kind = match row.try_get::<Option<&str>, _>("state")? {
        Some(text) => EventKind::Entered(state(text)?),
        None => EventKind::Observed(Box::new(logged(row)?)),
    };
    Ok(Event {
        seq: Seq::new(row.try_get("seq")?),
        at: time(row.try_get("at_us")?),
        key: TrialKey::new(row.try_get("trial")?),
        trial: row.try_get("id")?,
        kind,
    })
}
