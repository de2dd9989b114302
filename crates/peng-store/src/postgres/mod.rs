//! [`Postgres`]: everything in a database that any number of servers share.

mod commit;
mod connections;
mod deletion;
mod log;
mod search;

use std::time::Duration;

use sqlx::migrate::Migrator;
use tokio::time::timeout;
use tracing::warn;

use crate::{Error, rows};
use connections::{Connections, Way};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

const READERS: usize = 8;

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
    writer: Connections,
    reader: Connections,
    patience: Patience,
}

impl Postgres {
    /// Connects, and makes or migrates the tables. The address is `postgres://..` with the
    /// parameters of libpq's; a password that it leaves out is looked up in `PGPASSFILE` or
    /// `~/.pgpass` for each connection, so that it can be changed meanwhile.
    pub async fn open(address: &str, patience: Patience) -> Result<Self, Error> {
        let store = Self::connect(address, &[], patience);
        let mut writer = store.writer.take().await?;
        MIGRATIONS.run(&mut *writer).await?;
        let (fsync,): (String,) = sqlx::query_as("SELECT current_setting('fsync')")
            .fetch_one(&mut *writer)
            .await?;
        writer.give_back();
        if fsync == "off" {
            warn!("PostgreSQL runs with fsync=off: a loss of power loses what was acknowledged");
        }
        Ok(store)
    }

    /// Connects to read; the tables are left as they are, and those of another form are
    /// [`Error::Form`].
    pub async fn open_to_read(address: &str) -> Result<Self, Error> {
        let read_only = [("default_transaction_read_only", "on")];
        let store = Self::connect(address, &read_only, Patience::default());
        let mut reader = store.reader.take().await?;
        let form = sqlx::query_scalar(rows::FORM).fetch_one(&mut *reader);
        rows::check_form(form.await?, &MIGRATIONS)?;
        reader.give_back();
        Ok(store)
    }

    fn connect(
        address: &str,
        settings: &[(&'static str, &'static str)],
        patience: Patience,
    ) -> Self {
        let way = Way {
            address: address.into(),
            settings: [settings, &SETTINGS].concat(),
        };
        let (writer, reader) = Connections::pair(&way, READERS, patience.connect);
        Self {
            writer,
            reader,
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
