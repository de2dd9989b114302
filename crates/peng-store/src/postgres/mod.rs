//! [`Postgres`]: everything in a database that any number of servers share.

mod commit;
mod deletion;
mod log;
mod search;

use std::time::Duration;

use sqlx::{
    Connection, PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::time::timeout;
use tracing::warn;

use crate::{Error, rows};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

const READERS: u32 = 8;

/// How long the database is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a connection. A call while the database is away fails after it.
    pub connect: Duration,
    /// For a call in all, so that a network that swallows packets does not hold a
    /// server's commits for longer.
    pub call: Duration,
}

impl Default for Patience {
    /// 3 s for a connection, 15 s for a call.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            call: Duration::from_secs(15),
        }
    }
}

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
    patience: Patience,
}

impl Postgres {
    /// Connects, and makes or migrates the tables.
    pub async fn open(options: PgConnectOptions, patience: Patience) -> Result<Self, Error> {
        let store = Self::connect(options, patience);
        let writer = &store.writer;
        MIGRATIONS.run(writer).await?;
        let (fsync,): (String,) = sqlx::query_as("SELECT current_setting('fsync')")
            .fetch_one(writer)
            .await?;
        if fsync == "off" {
            warn!("PostgreSQL runs with fsync=off: a loss of power loses what was acknowledged");
        }
        Ok(store)
    }

    /// Connects to read; the tables are left as they are, and those of another form are
    /// [`Error::Form`].
    pub async fn open_to_read(options: PgConnectOptions) -> Result<Self, Error> {
        let options = options.options([("default_transaction_read_only", "on")]);
        let store = Self::connect(options, Patience::default());
        let form = sqlx::query_scalar(rows::FORM).fetch_one(&store.reader);
        rows::check_form(form.await?, &MIGRATIONS)?;
        Ok(store)
    }

    fn connect(options: PgConnectOptions, patience: Patience) -> Self {
        let options = options.options(SETTINGS);
        let pool = |connections| {
            PgPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(patience.connect)
                // A call that was given up leaves its connection in the middle of something. It
                // is closed unless the database answers on it: the pool itself would wait for
                // as long as the network swallows packets, and the writer is its only one.
                .after_release(move |connection, _| {
                    Box::pin(async move {
                        let pong = timeout(patience.connect, connection.ping()).await;
                        pong.map_err(|_| sqlx::Error::PoolTimedOut)?.map(|()| true)
                    })
                })
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
            patience,
        }
    }

    /// The result of a call, or that it takes too long.
    async fn in_time<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let limit = self.patience.call;
        timeout(limit, call)
            .await
            .unwrap_or(Err(Error::TimedOut(limit)))
    }
}
