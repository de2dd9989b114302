//! [`Sqlite`]: everything in one file of the data folder, in WAL mode and synced
//! in full, so that a commit survives the loss of power.

mod commit;
mod deletion;
mod log;
mod search;
mod writer;

use std::{
    fs::{self, File, TryLockError},
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sqlx::{
    SqlitePool, Transaction,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::{Error, rows};
use writer::Writer;

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

const FILE: &str = "peng4nn.db";
const LOCK: &str = "peng4nn.lock";
const READERS: u32 = 4;

/// SQLite's file system that is in memory.
const MEMORY: &str = "memdb";

/// How often a lock that is held is asked for again. A process that is being started has the
/// locks of the one that starts it until it is another program, so one may outlast its holder
/// for a moment.
const LOCK_TRIES: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// How long a connection waits for another one.
const BUSY: Duration = Duration::from_secs(5);

/// A store in one SQLite file.
///
/// SQLite has one writer at a time; readers see the last commit and never wait for it.
#[derive(Debug)]
pub struct Sqlite {
    /// Commits to the log of trials; `None` where the store was opened to be read.
    writer: Option<Writer>,
    /// The connection of rarer writes.
    other: SqlitePool,
    /// Held by who writes, so that nobody has to ask again and again.
    turn: Arc<Mutex<()>>,
    reader: SqlitePool,
    /// Held as long as the store lives.
    _lock: Option<File>,
}

impl Sqlite {
    /// Opens the store in `folder`, making it where there is none.
    ///
    /// Fails where another process has the folder: the sessions of a server
    /// live in its memory, so two on one folder would not agree.
    pub async fn open(folder: &Path) -> Result<Self, Error> {
        let lock = lock(folder)?;
        bring_to_disk(folder)?;
        let file = folder.join(FILE);
        let options = SqliteConnectOptions::new()
            .filename(&file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            // A commit takes only observations of trials that are there; to let a trial go, all
            // of the log would be read for those that refer to it.
            .foreign_keys(false)
            .busy_timeout(BUSY);
        let other = one().connect_with(options.clone()).await?;
        migrate(&other).await?;
        let reader = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.read_only(true).create_if_missing(false))
            .await?;
        Ok(Self {
            writer: Some(Writer::open(&file)?),
            other,
            turn: Arc::default(),
            reader,
            _lock: Some(lock),
        })
    }

    /// Opens the store in `folder` to read it, beside a server that has it or where
    /// none does. Nothing is made or migrated: a log of another form is
    /// [`Error::Form`].
    pub async fn open_to_read(folder: &Path) -> Result<Self, Error> {
        let options = SqliteConnectOptions::new()
            .filename(folder.join(FILE))
            .read_only(true)
            .busy_timeout(BUSY);
        let unreadable = |source| Error::Unreadable {
            path: folder.join(FILE),
            source,
        };
        let reader = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options)
            .await
            .map_err(unreadable)?;
        let form = sqlx::query_scalar(rows::FORM).fetch_one(&reader).await;
        rows::check_form(form.map_err(unreadable)?, &MIGRATIONS)?;
        Ok(Self {
            writer: None,
            other: reader.clone(),
            turn: Arc::default(),
            reader,
            _lock: None,
        })
    }

    /// A store that lives in memory and ends with this value.
    pub async fn in_memory() -> Result<Self, Error> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        // Connections of one process that use this name share what is in it, until the last
        // one is closed: that of the writer.
        let name = format!("/peng4nn-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let options = SqliteConnectOptions::new()
            .filename(&name)
            .vfs(MEMORY)
            .create_if_missing(true)
            .foreign_keys(false)
            .busy_timeout(BUSY);
        let other = one().connect_with(options).await?;
        migrate(&other).await?;
        Ok(Self {
            writer: Some(Writer::open_in(&name, MEMORY)?),
            reader: other.clone(),
            other,
            turn: Arc::default(),
            _lock: None,
        })
    }

    /// Waits until nobody else writes.
    async fn turn(&self) -> OwnedMutexGuard<()> {
        self.turn.clone().lock_owned().await
    }

    /// A rarer write than a commit to the log.
    async fn begin(&self) -> Result<(OwnedMutexGuard<()>, Transaction<'_, sqlx::Sqlite>), Error> {
        let turn = self.turn().await;
        Ok((turn, self.other.begin().await?))
    }
}

/// One connection at a time.
fn one() -> SqlitePoolOptions {
    SqlitePoolOptions::new().max_connections(1)
}

async fn migrate(pool: &SqlitePool) -> Result<(), Error> {
    Ok(MIGRATIONS.run(pool).await?)
}

fn unusable(folder: &Path) -> impl Fn(io::Error) -> Error {
    |source| Error::Folder {
        path: folder.to_owned(),
        source,
    }
}

/// A server that was killed between writing a commit and syncing it has left it to the system's
/// memory. To this one it is in the log like any other, and is acknowledged to who reports it
/// again.
fn bring_to_disk(folder: &Path) -> Result<(), Error> {
    let sync = |path: &Path| match File::open(path) {
        Ok(file) => file.sync_all(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    let log = format!("{FILE}-wal");
    [folder.join(FILE), folder.join(log), folder.to_owned()]
        .iter()
        .try_for_each(|path| sync(path))
        .map_err(unusable(folder))
}

fn lock(folder: &Path) -> Result<File, Error> {
    let folder_error = unusable(folder);
    fs::create_dir_all(folder).map_err(&folder_error)?;
    let file = File::create(folder.join(LOCK)).map_err(&folder_error)?;
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            Err(TryLockError::Error(source)) => return Err(folder_error(source)),
        }
    }
    Err(Error::InUse {
        path: folder.to_owned(),
    })
}
