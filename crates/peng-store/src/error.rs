//! Why the store could not do it.

use std::{io, path::PathBuf, time::Duration};

use rusqlite::ErrorCode;

/// Why the store could not do it. Nothing of a failed call is stored, unless the
/// connection broke at the moment of a commit: then only the log knows.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address names no store.
    #[error(
        "`{address}` names no store; `postgres://USER@HOST/DATABASE` or `sqlite:FOLDER` would be right"
    )]
    Address {
        /// What was given, without a password.
        address: String,
        /// What is wrong with it.
        #[source]
        source: Option<Source>,
    },
    /// The folder cannot be made or written to.
    #[error("cannot use the data folder {path}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Another process has the folder.
    #[error("the data folder {path} is in use by another server; stop it or name another folder")]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// There is no log in the folder that could be read.
    #[error("cannot read {path}; the --data folder of a server would be right")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the database says.
        #[source]
        source: sqlx::Error,
    },
    /// The log is of another version of this program, and only to be read.
    #[error(
        "the tables of the log have form {found}, and this program reads form {needed}; {}",
        advice(*.found, *.needed)
    )]
    Form {
        /// The form that they have.
        found: i64,
        /// The form that this program has.
        needed: i64,
    },
    /// There is no room for more.
    #[error("the disk of the database is full; make room, and writing goes on")]
    Full(#[source] Source),
    /// The database's files are not what it has written.
    #[error("the files of the database are damaged; bring them back from a copy")]
    Corrupt(#[source] Source),
    /// The database refuses or is gone.
    #[error("the database does not answer")]
    Database(#[source] Source),
    /// Nothing can be written.
    #[error("the store was opened to be read")]
    ReadOnly,
    /// The database takes too long.
    #[error("the database has not answered in {} s", .0.as_secs())]
    TimedOut(Duration),
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
        source: Source,
    },
}

/// What a library says.
type Source = Box<dyn std::error::Error + Send + Sync>;

impl Error {
    pub(crate) fn damaged(what: &'static str, source: impl Into<Source>) -> Self {
        Self::Damaged {
            what,
            source: source.into(),
        }
    }
}

fn advice(found: i64, needed: i64) -> &'static str {
    if found < needed {
        "a server of this version brings them up to date when it is started on them"
    } else {
        "the version that wrote them reads them"
    }
}

/// `SQLITE_FULL`, and PostgreSQL's `disk_full`.
const FULL: [&str; 2] = ["13", "53100"];

/// `SQLITE_CORRUPT` and `SQLITE_NOTADB`, and PostgreSQL's `data_corrupted` and
/// `index_corrupted`.
const CORRUPT: [&str; 4] = ["11", "26", "XX001", "XX002"];

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let code = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code);
        // SQLite's extended codes have the kind in their lowest byte.
        let kind = code.map(|code| match code.parse::<u32>() {
            Ok(number) if code.len() < 5 => (number & 0xff).to_string(),
            _ => code.into_owned(),
        });
        match kind {
            Some(kind) if FULL.contains(&&*kind) => Self::Full(error.into()),
            Some(kind) if CORRUPT.contains(&&*kind) => Self::Corrupt(error.into()),
            _ => Self::Database(error.into()),
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full(error.into()),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Corrupt(error.into())
            }
            _ => Self::Database(error.into()),
        }
    }
}
