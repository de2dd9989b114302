//! Which failures pass by themselves.

use std::io::ErrorKind;

use sqlx::migrate::MigrateError;

use crate::Error;

/// PostgreSQL's codes for what passes: its connections broke or are taken, it takes no writes as
/// before a copy is promoted, others are in the way, it stops, crashes or starts.
const PASSING: [&str; 14] = [
    "08000", "08001", "08003", "08004", "08006", "25006", "40001", "40P01", "53200", "53300",
    "55P03", "57P01", "57P02", "57P03",
];

/// How sqlx reads a connection that is closed where the answer would have been whether it may be
/// encrypted.
const CLOSED: &str = "unexpected response from SSLRequest: 0x00";

impl Error {
    /// Whether the same may succeed later with nothing changed on this side: the database is not
    /// reached, starts up, takes no writes for a while, or is taken up by others.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::TimedOut(_) => true,
            Self::Database(source) => source.downcast_ref().is_some_and(passes),
            Self::Migration(
                MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _),
            ) => passes(source),
            _ => false,
        }
    }
}

fn passes(error: &sqlx::Error) -> bool {
    match error {
        // Names that are not known, too: those of containers come with them. What is wrong with
        // a certificate is invalid data, or a file that is not found.
        sqlx::Error::Io(error) => !matches!(
            error.kind(),
            ErrorKind::InvalidData
                | ErrorKind::InvalidInput
                | ErrorKind::NotFound
                | ErrorKind::PermissionDenied
                | ErrorKind::Unsupported
        ),
        sqlx::Error::Protocol(what) => what.starts_with(CLOSED),
        sqlx::Error::Database(error) => error.code().is_some_and(|code| PASSING.contains(&&*code)),
        _ => false,
    }
}
