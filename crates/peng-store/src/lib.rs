//! The log of observations and verdicts, and the state of searches, on disk.
//!
//! [`Trials`] is the log of a prediction server, [`Searches`] the state of an
//! orchestrator. [`Sqlite`] keeps both in one file of one server, [`Postgres`]
//! in a database that several servers share; [`open`] takes either by its
//! address.
//!
//! A commit's way: [`Write`]s come in, `plan` decides which of them rest on the
//! log as it is, and the backend executes the plan in one transaction. On SQLite
//! that is done by a thread of its own.

mod address;
mod deletion;
mod error;
mod log;
mod plan;
mod postgres;
mod rows;
mod search;
mod sqlite;
mod transient;

pub use address::{Address, Store, open, open_to_read};
pub use deletion::{Deleted, OnlyIf};
pub use error::Error;
pub use log::{
    Basis, Event, EventKind, Experiment, ExperimentKey, Label, Logged, NewExperiment, Seq, State,
    Trial, TrialKey, Trials, Version, Write, Written,
};
pub use postgres::{Patience, Postgres};
pub use search::{SearchChange, SearchKey, SearchRecord, Searches};
pub use sqlite::Sqlite;
