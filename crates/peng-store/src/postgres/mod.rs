//! [`Postgres`]: everything in a database that any number of servers share.

mod commit;
mod log;
mod search;

use std::time::Duration;

use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tracing::warn;

use crate::Error;

const READERS: u32 = 8;

/// How long a connection may take to be made. A call while the database is away
/// fails after it.
const CONNECT: Duration = Duration::from_secs(3);

/// How long a call may take in all, so that a network that swallows packets does
/// not hold a server's commits for longer.
const CALL: Duration = Duration::from_secs(15);

/// What the database itself is told, in milliseconds: a server that freezes in
/// the middle of a commit keeps its experiments locked no longer than this.
const SETTINGS: [(&str, &str); 4] = [
    ("application_name", "peng4nn"),
    ("statement_timeout", "10000"),
    ("lock_timeout", "5000"),
    ("idle_in_transaction_session_timeout", "5000"),
];

/// A store in a PostgreSQL database, version 15 or newer.
///
/// A server writes over one connection, one commit after the other, and reads
/// over others. Broken connections are made anew when they are next needed.
#[derive(Debug)]
pub struct Postgres {
    writer: PgPool,
    reader: PgPool,
}

impl Postgres {
    /// Connects, and makes or migrates the tables.
    pub async fn open(options: PgConnectOptions) -> Result<Self, Error> {
        let store = Self::connect(options);
        let writer = &store.writer;
        sqlx::migrate!("migrations/postgres").run(writer).await?;
        let (fsync,): (String,) = sqlx::query_as("SELECT current_setting('fsync')")
            .fetch_one(writer)
            .await?;
        if fsync == "off" {
            warn!("PostgreSQL runs with fsync=off: a loss of power loses what was acknowledged");
        }
        Ok(store)
    }

    /// Connects when it is first asked for something; the tables are left as they are.
    pub(crate) fn connect(options: PgConnectOptions) -> Self {
        let options = options.options(SETTINGS);
        let pool = |connections| {
            PgPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(CONNECT)
                // What is acknowledged is on disk, whatever the database's default is.
                .after_connect(|connection, _| {
                    Box::pin(async move {
                        sqlx::query(
                            "SELECT set_config('synchronous_commit', 'on', false)
                             WHERE current_setting('synchronous_commit') = 'off'",
                        )
                        .execute(connection)
                        .await
                        .map(drop)
                    })
                })
        };
        Self {
            writer: pool(1).connect_lazy_with(options.clone()),
            reader: pool(READERS).connect_lazy_with(options),
        }
    }
}

/// The result of a call, or that it takes too long.
async fn in_time<T>(call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    tokio::time::timeout(CALL, call)
        .await
        .unwrap_or(Err(Error::TimedOut(CALL)))
}
