//! Rows to values and back; the same columns in either database.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use peng_predict::{Epoch, Observation, rate};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{FromRow, migrate::Migrator};

use crate::{
    Error, Event, EventKind, Experiment, ExperimentKey, Logged, Seq, State, Trial, TrialKey,
    Version,
};

/// Microseconds since 1970; a clock before that reads as 1970.
pub(crate) fn micros(at: SystemTime) -> i64 {
    let since = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// The moment so many microseconds after 1970.
pub(crate) fn time(micros: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(micros.unsigned_abs())
}

pub(crate) fn to_json(what: &'static str, value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|source| Error::damaged(what, source))
}

pub(crate) fn from_json<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|source| Error::damaged(what, source))
}

fn state(text: &str) -> Result<State, Error> {
    State::ALL
        .into_iter()
        .find(|state| state.as_str() == text)
        .ok_or_else(|| Error::damaged("trial state", format!("`{text}` is no state")))
}

/// Columns of `experiments`.
#[derive(Debug, FromRow)]
pub(crate) struct ExperimentRow {
    key: i64,
    id: String,
    label: String,
    settings: String,
    created_us: i64,
    version: i64,
}

impl TryFrom<ExperimentRow> for Experiment {
    type Error = Error;

    fn try_from(row: ExperimentRow) -> Result<Self, Error> {
        Ok(Self {
            key: ExperimentKey(row.key),
            label: from_json("experiment label", &row.label)?,
            settings: from_json("experiment", &row.settings)?,
            created: time(row.created_us),
            version: Version::new(row.version),
            id: row.id,
        })
    }
}

/// Columns of `trials`.
#[derive(Debug, FromRow)]
pub(crate) struct TrialRow {
    key: i64,
    id: String,
    display_name: String,
    schedule: Option<String>,
    state: String,
    message: String,
    created_us: i64,
    ended_us: Option<i64>,
    version: i64,
}

impl TryFrom<TrialRow> for Trial {
    type Error = Error;

    fn try_from(row: TrialRow) -> Result<Self, Error> {
        Ok(Self {
            key: TrialKey::new(row.key),
            state: state(&row.state)?,
            schedule: row.schedule.as_deref().map(schedule).transpose()?,
            created: time(row.created_us),
            ended: row.ended_us.map(time),
            version: Version::new(row.version),
            id: row.id,
            display_name: row.display_name,
            message: row.message,
        })
    }
}

/// A schedule as it is stored.
fn schedule(text: &str) -> Result<Arc<rate::Schedule>, Error> {
    from_json("schedule", text).map(Arc::new)
}

/// Trials with their schedules.
pub(crate) fn schedules(
    rows: Vec<(i64, String)>,
) -> Result<Vec<(TrialKey, Arc<rate::Schedule>)>, Error> {
    rows.into_iter()
        .map(|(key, text)| Ok((TrialKey::new(key), schedule(&text)?)))
        .collect()
}

/// Columns of an observation in `events`.
#[derive(Debug, FromRow)]
pub(crate) struct LoggedRow {
    epoch: f64,
    /// SQLite has NULL for NaN.
    value: Option<f64>,
    decision: String,
}

impl TryFrom<LoggedRow> for Logged {
    type Error = Error;

    fn try_from(row: LoggedRow) -> Result<Self, Error> {
        let epoch =
            Epoch::new(row.epoch).map_err(|source| Error::damaged("observation", source))?;
        Ok(Self {
            observation: Observation {
                epoch,
                value: row.value.unwrap_or(f64::NAN),
            },
            decision: from_json("decision", &row.decision)?,
        })
    }
}

/// Columns of `events` with the trial's id.
#[derive(Debug, FromRow)]
pub(crate) struct EventRow {
    seq: i64,
    at_us: i64,
    trial: i64,
    id: String,
    state: Option<String>,
    epoch: Option<f64>,
    value: Option<f64>,
    decision: Option<String>,
    retracted: bool,
}

impl TryFrom<EventRow> for Event {
    type Error = Error;

    fn try_from(row: EventRow) -> Result<Self, Error> {
        let kind = match (row.state, row.epoch, row.decision) {
            (Some(text), ..) => EventKind::Entered(state(&text)?),
            (None, Some(epoch), Some(decision)) => {
                let logged = LoggedRow {
                    epoch,
                    value: row.value,
                    decision,
                };
                EventKind::Observed(Box::new(logged.try_into()?))
            }
            (None, None, _) if row.value.is_some() => {
                let kept = Epoch::new(row.value.unwrap_or_default());
                EventKind::RolledBack(kept.map_err(|source| Error::damaged("rollback", source))?)
            }
            (None, ..) => {
                return Err(Error::damaged(
                    "log entry",
                    "it has no state, no decision and no epoch",
                ));
            }
        };
        Ok(Self {
            seq: Seq::new(row.seq),
            at: time(row.at_us),
            key: TrialKey::new(row.trial),
            trial: row.id,
            kind,
            retracted: row.retracted,
        })
    }
}

/// All rows as values; the first that cannot be read is the error.
pub(crate) fn all<R, T: TryFrom<R, Error = Error>>(rows: Vec<R>) -> Result<Vec<T>, Error> {
    rows.into_iter().map(T::try_from).collect()
}

/// Whether tables, where the last migration was `found`, have the form that this program reads.
pub(crate) fn check_form(found: Option<i64>, migrations: &Migrator) -> Result<(), Error> {
    let found = found.unwrap_or_default();
    let needed = migrations.iter().map(|migration| migration.version).max();
    match needed {
        Some(needed) if needed != found => Err(Error::Form { found, needed }),
        _ => Ok(()),
    }
}

/// The last migration of a log.
pub(crate) const FORM: &str = "SELECT max(version) FROM _sqlx_migrations WHERE success";
