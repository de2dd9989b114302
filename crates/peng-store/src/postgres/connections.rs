//! Connections that are kept between calls.
//!
//! Each wait for the network has an end: a connection that is silent is given up with its
//! place, wherever the silence begins. A call that fails or is cancelled takes its connection
//! with it, since nobody knows what it was in the middle of.
//!
//! A new connection for writes may lead to another server than the one before, as after a
//! failover; those for reads that are older are given up, lest they show what is no longer true.

use std::{
    fmt,
    io::{self, ErrorKind},
    ops::{Deref, DerefMut},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use crate::Error;

/// The share of the patience for a connection after which one that is known is given up for
/// a new one.
const ANSWERS: u32 = 3;

/// The way to a database.
#[derive(Clone)]
pub(super) struct Way {
    /// Read for each connection: the password may be in a file (`PGPASSFILE`), and be another.
    pub(super) address: Arc<str>,
    /// Of each connection.
    pub(super) settings: Vec<(&'static str, &'static str)>,
}

impl fmt::Debug for Way {
    /// Without what may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Way")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Way {
    fn options(&self) -> Result<PgConnectOptions, sqlx::Error> {
        let options: PgConnectOptions = self.address.parse()?;
        Ok(options.options(self.settings.iter().copied()))
    }
}

/// At most so many connections at once, made as they are needed.
#[derive(Debug)]
pub(super) struct Connections {
    way: Way,
    patience: Duration,
    places: Semaphore,
    idle: Mutex<Vec<Dated>>,
    /// Connections for writes that were made so far.
    era: Arc<AtomicU64>,
    writes: bool,
}

/// A connection, and in which era it was made.
#[derive(Debug)]
struct Dated {
    connection: PgConnection,
    era: u64,
}

/// A connection for one call; it is closed unless it is given back.
#[derive(Debug)]
pub(super) struct Lent<'a> {
    dated: Dated,
    of: &'a Connections,
    _place: SemaphorePermit<'a>,
}

impl Connections {
    /// One connection for writes, and at most so many for reads; one is waited for no longer
    /// than `patience`.
    pub(super) fn pair(way: &Way, readers: usize, patience: Duration) -> (Self, Self) {
        let era = Arc::default();
        let some = |most, writes| Self {
            way: way.clone(),
            patience,
            places: Semaphore::new(most),
            idle: Mutex::default(),
            era: Arc::clone(&era),
            writes,
        };
        (some(1, true), some(readers, false))
    }

    /// A connection on which the database answers.
    pub(super) async fn take(&self) -> Result<Lent<'_>, Error> {
        timeout(self.patience, self.ready())
            .await
            .unwrap_or(Err(Error::TimedOut(self.patience)))
    }

    async fn ready(&self) -> Result<Lent<'_>, Error> {
        let place = self.places.acquire().await;
        let place = place.map_err(|closed| Error::Database(closed.into()))?;
        let dated = match self.known().await {
            Some(dated) => dated,
            None => self.connect().await?,
        };
        Ok(Lent {
            dated,
            of: self,
            _place: place,
        })
    }

    /// One that was given back and still answers.
    async fn known(&self) -> Option<Dated> {
        while let Some(mut dated) = self.pop() {
            if dated.era < self.era.load(Ordering::SeqCst) {
                continue;
            }
            let answer = timeout(self.patience / ANSWERS, dated.connection.ping()).await;
            if matches!(answer, Ok(Ok(()))) {
                return Some(dated);
            }
        }
        None
    }

    async fn connect(&self) -> Result<Dated, Error> {
        let era = self.era.load(Ordering::SeqCst);
        let options = self.way.options()?;
        let connection = PgConnection::connect_with(&options).await;
        let mut connection = connection.map_err(|error| unheard(error, &options))?;
        // What is acknowledged is on disk, whatever the database's default is.
        sqlx::query(
            "SELECT set_config('synchronous_commit', 'on', false)
             WHERE current_setting('synchronous_commit') = 'off'",
        )
        .execute(&mut connection)
        .await?;
        let era = if self.writes {
            self.era.fetch_add(1, Ordering::SeqCst) + 1
        } else {
            era
        };
        Ok(Dated { connection, era })
    }

    fn pop(&self) -> Option<Dated> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.pop()
    }
}

/// That nobody listens yet, where the socket of this machine is missing. In the system's words for
/// it a certificate could be, too.
fn unheard(error: sqlx::Error, options: &PgConnectOptions) -> sqlx::Error {
    match (&error, options.get_socket()) {
        (sqlx::Error::Io(io), Some(folder)) if io.kind() == ErrorKind::NotFound => {
            let what = format!("PostgreSQL has no socket in {}", folder.display());
            io::Error::new(ErrorKind::ConnectionRefused, what).into()
        }
        _ => error,
    }
}

impl Lent<'_> {
    /// Keeps the connection for the next call: this one is over.
    pub(super) fn give_back(self) {
        let mut idle = self.of.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(self.dated);
    }
}

impl Deref for Lent<'_> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.dated.connection
    }
}

impl DerefMut for Lent<'_> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.dated.connection
    }
}
