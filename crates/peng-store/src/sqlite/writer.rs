//! The thread that commits to the log of trials.
//!
//! A commit is several statements for each of its writes. They follow each other on one
//! thread without a word between them, so that a commit costs two journeys between threads.

use std::{
    fmt,
    path::Path,
    sync::mpsc::{self, Receiver, Sender},
    thread::{self, JoinHandle},
};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::{OwnedMutexGuard, oneshot};

use super::{BUSY, commit};
use crate::{Error, Write, Written};

/// KiB of pages that it keeps in memory: those that trials in training touch.
const CACHE: i64 = 32 << 10;

/// Statements that stay prepared: all that a commit has.
const STATEMENTS: usize = 16;

/// Writes to be committed.
struct Job {
    writes: Vec<Write>,
    at: i64,
    done: oneshot::Sender<Result<Vec<Written>, Error>>,
    /// Held until they are on disk, even if who asked has gone.
    _turn: OwnedMutexGuard<()>,
}

/// Hands writes to the thread that commits; it ends with this value.
pub(super) struct Writer {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

impl Writer {
    /// Writes to a file whose tables are there.
    pub(super) fn open(file: &Path) -> Result<Self, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Self::start(Connection::open_with_flags(file, flags)?)
    }

    /// Writes to a file of one of SQLite's own file systems.
    pub(super) fn open_in(file: &str, system: &str) -> Result<Self, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let system =
            std::ffi::CString::new(system).map_err(|error| Error::Database(error.into()))?;
        Self::start(Connection::open_with_flags_and_vfs(file, flags, &*system)?)
    }

    fn start(db: Connection) -> Result<Self, Error> {
        db.busy_timeout(BUSY)?;
        db.pragma_update(None, "synchronous", "FULL")?;
        db.pragma_update(None, "foreign_keys", false)?;
        db.pragma_update(None, "cache_size", -CACHE)?;
        db.set_prepared_statement_cache_capacity(STATEMENTS);
        let (jobs, queue) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || run(&db, &queue))
            .map_err(|error| Error::Database(error.into()))?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Writes all in one commit, in order; `at` is in microseconds since 1970.
    pub(super) async fn commit(
        &self,
        writes: Vec<Write>,
        at: i64,
        turn: OwnedMutexGuard<()>,
    ) -> Result<Vec<Written>, Error> {
        let gone = || Error::Database("the thread that writes has ended".into());
        let (done, written) = oneshot::channel();
        let job = Job {
            writes,
            at,
            done,
            _turn: turn,
        };
        let jobs = self.jobs.as_ref().ok_or_else(gone)?;
        jobs.send(job).map_err(|_| gone())?;
        written.await.map_err(|_| gone())?
    }
}

impl Drop for Writer {
    /// Waits until the file is closed: who opens it next finds it alone.
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // It has said all that it had to say.
            drop(thread.join());
        }
    }
}

fn run(db: &Connection, queue: &Receiver<Job>) {
    for job in queue {
        let written = commit::execute(db, &job.writes, job.at);
        // Who asked may have gone.
        drop(job.done.send(written));
    }
}
