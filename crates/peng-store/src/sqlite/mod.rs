//! [`Sqlite`]: everything in one file of the data folder, in WAL mode and synced
//! in full, so that a commit survives the loss of power.

mod commit;
mod deletion;
mod log;
mod search;

use std::{
    fs::{self, File, TryLockError},
    path::Path,
    str::FromStr,
    time::Duration,
};

use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::Error;

const FILE: &str = "peng4nn.db";
const LOCK: &str = "peng4nn.lock";
const READERS: u32 = 4;

/// How often a lock that is held is asked for again. A process that is being started has the
/// locks of the one that starts it until it is another program, so one may outlast its holder
/// for a moment.
const LOCK_TRIES: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// KiB of pages that the connection that writes keeps in memory: those that trials
/// in training touch.
const WRITER_CACHE: u32 = 32 << 10;

/// A store in one SQLite file.
///
/// SQLite has one writer at a time, so there is one connection to write with;
/// readers see the last commit and never wait for it.
#[derive(Debug)]
pub struct Sqlite {
    writer: SqlitePool,
    reader: SqlitePool,
    /// A connection that no call uses. A database in memory ends with its last
    /// connection, and a call that is given up may close the one that it had.
    _anchor: Option<SqlitePool>,
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
        let options = SqliteConnectOptions::new()
            .filename(folder.join(FILE))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            // A commit takes only observations of trials that are there; to let a trial go, all
            // of the log would be read for those that refer to it.
            .foreign_keys(false)
            .busy_timeout(Duration::from_secs(5));
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(
                options
                    .clone()
                    .pragma("cache_size", format!("-{WRITER_CACHE}")),
            )
            .await?;
        migrate(&writer).await?;
        let reader = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.read_only(true).create_if_missing(false))
            .await?;
        Ok(Self {
            writer,
            reader,
            _anchor: None,
            _lock: Some(lock),
        })
    }

    /// Opens the store in `folder` to read it, beside a server that has it or where
    /// none does. Nothing is made or migrated.
    pub async fn open_to_read(folder: &Path) -> Result<Self, Error> {
        let options = SqliteConnectOptions::new()
            .filename(folder.join(FILE))
            .read_only(true)
            .busy_timeout(Duration::from_secs(5));
        let reader = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options)
            .await
            .map_err(|source| Error::Unreadable {
                path: folder.join(FILE),
                source,
            })?;
        Ok(Self {
            writer: reader.clone(),
            reader,
            _anchor: None,
            _lock: None,
        })
    }

    /// A store that lives in memory and ends with the process.
    pub async fn in_memory() -> Result<Self, Error> {
        // This form of the address names the database, so that connections can share it.
        let options = SqliteConnectOptions::from_str("sqlite::memory:")?.foreign_keys(false);
        let one = || {
            SqlitePoolOptions::new()
                .max_connections(1)
                .idle_timeout(None)
                .max_lifetime(None)
        };
        let anchor = one().connect_with(options.clone()).await?;
        let pool = one().connect_with(options).await?;
        migrate(&pool).await?;
        Ok(Self {
            writer: pool.clone(),
            reader: pool,
            _anchor: Some(anchor),
            _lock: None,
        })
    }
}

async fn migrate(pool: &SqlitePool) -> Result<(), Error> {
    Ok(sqlx::migrate!("migrations/sqlite").run(pool).await?)
}

fn lock(folder: &Path) -> Result<File, Error> {
    let folder_error = |source| Error::Folder {
        path: folder.to_owned(),
        source,
    };
    fs::create_dir_all(folder).map_err(folder_error)?;
    let file = File::create(folder.join(LOCK)).map_err(folder_error)?;
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
