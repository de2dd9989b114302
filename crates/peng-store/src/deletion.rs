//! How an experiment goes: at once for all who ask, and row by row from the disk.

use std::time::SystemTime;

use crate::rows;

/// Which experiments a deletion is meant for, looked at in the moment of the deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnlyIf {
    /// Any.
    Any,
    /// One that has no trial.
    Empty,
    /// One of which nothing was logged at that time or later.
    IdleSince(SystemTime),
}

/// What became of a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// The experiment is gone.
    Done,
    /// It is another one than was meant, and is as it was.
    Kept,
    /// There was no such experiment any more.
    NotFound,
}

/// An experiment in the moment of its deletion.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Standing {
    /// When the last event was logged, or it was created.
    pub(crate) last_us: i64,
    pub(crate) has_trials: bool,
}

impl OnlyIf {
    pub(crate) fn holds(self, standing: &Standing) -> bool {
        match self {
            Self::Any => true,
            Self::Empty => !standing.has_trials,
            Self::IdleSince(time) => standing.last_us < rows::micros(time),
        }
    }
}
