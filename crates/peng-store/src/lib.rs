//! The log of observations and verdicts, and the state of searches, on disk.
//!
//! [`Trials`] is the log of a prediction server, [`Searches`] the state of an
//! orchestrator; [`Sqlite`] keeps both in one file.

mod log;
mod search;
mod sqlite;

pub use log::{
    Event, EventKind, Experiment, ExperimentKey, Label, Logged, NewExperiment, Seq, State, Trial,
    TrialKey, Trials, Write, Written,
};
pub use search::{SearchKey, SearchRecord, Searches};
pub use sqlite::Sqlite;

/// Why the store could not do it. Nothing of a failed call is stored.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder cannot be made or written to.
    #[error("cannot use the data folder {path}")]
    Folder {
        /// The folder.
        path: std::path::PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// Another process has the folder.
    #[error("the data folder {path} is in use by another server; stop it or name another folder")]
    InUse {
        /// The folder.
        path: std::path::PathBuf,
    },
    /// The database refuses or is gone.
    #[error("the database does not answer")]
    Database(#[from] sqlx::Error),
    /// The tables cannot be brought to this version's form.
    #[error("the database cannot be migrated")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A row is not what this program wrote.
    #[error("the database holds a {what} that cannot be read")]
    Damaged {
        /// Which kind of row.
        what: &'static str,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    fn damaged(
        what: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Damaged {
            what,
            source: source.into(),
        }
    }
}
