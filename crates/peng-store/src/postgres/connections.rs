//! Connections that are kept between calls.
//!
//! Each wait for the network has an end: a connection that is silent is given up with its
//! place, wherever the silence begins. A call that fails or is cancelled takes its connection
//! with it, since nobody knows what it was in the middle of.

use std::{
    ops::{Deref, DerefMut},
    sync::{Mutex, PoisonError},
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

/// At most so many connections at once, made as they are needed.
#[derive(Debug)]
pub(super) struct Connections {
    options: PgConnectOptions,
    patience: Duration,
    places: Semaphore,
    idle: Mutex<Vec<PgConnection>>,
}

/// A connection for one call; it is closed unless it is given back.
#[derive(Debug)]
pub(super) struct Lent<'a> {
    connection: PgConnection,
    of: &'a Connections,
    _place: SemaphorePermit<'a>,
}

impl Connections {
    /// `most` at once; one is waited for no longer than `patience`.
    pub(super) fn new(options: PgConnectOptions, most: usize, patience: Duration) -> Self {
        Self {
            options,
            patience,
            places: Semaphore::new(most),
            idle: Mutex::default(),
        }
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
        let connection = match self.known().await {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        Ok(Lent {
            connection,
            of: self,
            _place: place,
        })
    }

    /// One that was given back and still answers.
    async fn known(&self) -> Option<PgConnection> {
        while let Some(mut connection) = self.pop() {
            let answer = timeout(self.patience / ANSWERS, connection.ping()).await;
            if matches!(answer, Ok(Ok(()))) {
                return Some(connection);
            }
        }
        None
    }

    async fn connect(&self) -> Result<PgConnection, Error> {
        let mut connection = PgConnection::connect_with(&self.options).await?;
        // What is acknowledged is on disk, whatever the database's default is.
        sqlx::query(
            "SELECT set_config('synchronous_commit', 'on', false)
             WHERE current_setting('synchronous_commit') = 'off'",
        )
        .execute(&mut connection)
        .await?;
        Ok(connection)
    }

    fn pop(&self) -> Option<PgConnection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.pop()
    }
}

impl Lent<'_> {
    /// Keeps the connection for the next call: this one is over.
    pub(super) fn give_back(self) {
        let mut idle = self.of.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(self.connection);
    }
}

impl Deref for Lent<'_> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Lent<'_> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}
