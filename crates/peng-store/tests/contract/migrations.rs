//! A log that an older version has left is taken over as it is.

use std::{fs, path::Path};

use peng_store::{
    Error, EventKind, Patience, Postgres, Seq, Sqlite, State, TrialKey, Trials, Version, Written,
};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, PgConnection, migrate::Migrator,
    postgres::PgConnectOptions, sqlite::SqliteConnectOptions,
};

use crate::backend::{at, curve, observe};

/// All that a server with the first form of the tables left in its folder: two
/// experiments of two trials each.
const FIRST: &str = include_str!("sqlite-0001.sql");

async fn leave(folder: &Path, content: &'static str) {
    let options = SqliteConnectOptions::new()
        .filename(folder.join("peng4nn.db"))
        .create_if_missing(true);
    let mut database = options.connect().await.unwrap();
    sqlx::raw_sql(content).execute(&mut database).await.unwrap();
    database.close().await.unwrap();
}

#[tokio::test]
async fn a_folder_of_the_first_version_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    leave(folder.path(), FIRST).await;
    // The second time nothing is left to migrate.
    for _ in 0..2 {
        Sqlite::open(folder.path()).await.unwrap();
    }
    goes_on(&Sqlite::open(folder.path()).await.unwrap()).await;
}

/// The same log as an older server on PostgreSQL has left it.
#[tokio::test]
async fn a_database_of_the_first_version_goes_on() {
    let Some(url) = peng4nn_tests::postgres::database().await else {
        return;
    };
    let options: PgConnectOptions = url.parse().unwrap();
    let mut database = options.connect().await.unwrap();
    let first = tempfile::tempdir().unwrap();
    let form = include_str!("../../migrations/postgres/0001_log.sql");
    fs::write(first.path().join("0001_log.sql"), form).unwrap();
    let first = Migrator::new(first.path()).await.unwrap();
    first.run(&mut database).await.unwrap();
    let inserts = FIRST.lines().filter(|line| line.starts_with("INSERT"));
    for line in inserts
        .filter(|line| !line.contains("_sqlx_migrations") && !line.contains("sqlite_sequence"))
    {
        let line = line
            .replace(
                "INTO events VALUES",
                "INTO events (seq, experiment, trial, at_us, state, epoch, value, decision) VALUES",
            )
            .replace("s VALUES(", "s OVERRIDING SYSTEM VALUE VALUES(");
        execute(&mut database, line).await;
    }
    for statement in [
        "UPDATE experiments SET last_seq = (SELECT max(seq) FROM events WHERE experiment = key)",
        "SELECT setval(pg_get_serial_sequence('experiments', 'key'), 2)",
        "SELECT setval(pg_get_serial_sequence('trials', 'key'), 4)",
    ] {
        execute(&mut database, statement.to_owned()).await;
    }
    database.close().await.unwrap();
    // The second time nothing is left to migrate.
    for _ in 0..2 {
        Postgres::open(&url, Patience::default()).await.unwrap();
    }
    goes_on(&Postgres::open(&url, Patience::default()).await.unwrap()).await;
}

async fn execute(database: &mut PgConnection, statement: String) {
    let statement = AssertSqlSafe(statement);
    sqlx::raw_sql(statement).execute(database).await.unwrap();
}

/// What [`FIRST`] holds is there, and more is written to it.
async fn goes_on(store: &dyn Trials) {
    let (mut states, mut counts) = (Vec::new(), Vec::new());
    for id in ["alone", "compared"] {
        let experiment = store.experiment(id).await.unwrap().unwrap();
        assert_eq!(experiment.version, Version::default());
        for trial in store
            .trials(experiment.key, TrialKey::FIRST, 10)
            .await
            .unwrap()
        {
            states.push(trial.state);
            counts.push(store.observations(trial.key).await.unwrap().len());
        }
    }
    let expected = [
        State::Stopped,
        State::Running,
        State::Succeeded,
        State::Running,
    ];
    assert_eq!(states, expected);
    assert_eq!(counts, [8, 3, 8, 3]);

    let alone = store.experiment("alone").await.unwrap().unwrap();
    let running = store.trial(alone.key, "t1").await.unwrap().unwrap();
    let next = &curve(4)[3];
    let write = observe(&alone, &running, running.version.get(), next);
    let written = store.commit(&[write], at(2)).await.unwrap();
    let [Written::At(seq)] = written[..] else {
        panic!("{written:?}");
    };
    let events = store.events(alone.key, Seq::START, 100).await.unwrap();
    let last = events.last().unwrap();
    assert_eq!((last.seq, last.trial.as_str()), (seq, "t1"));
    assert_eq!(last.kind, EventKind::Observed(Box::new(next.clone())));
    assert_eq!(store.observations(running.key).await.unwrap().len(), 4);
}

/// Nothing is migrated by reading, and nothing is misread.
#[tokio::test]
async fn a_log_of_another_form_is_told_so() {
    for (content, found, advice) in [
        (FIRST, 1, "started on them"),
        (
            "CREATE TABLE _sqlx_migrations (version, success);
             INSERT INTO _sqlx_migrations VALUES (99, true), (100, false)",
            99,
            "the version that wrote them",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        leave(folder.path(), content).await;
        let error = Sqlite::open_to_read(folder.path()).await.unwrap_err();
        assert!(error.to_string().contains(advice), "{error}");
        assert!(
            matches!(error, Error::Form { found: is, .. } if is == found),
            "{error}"
        );
    }
    // A server of this version brings it up to date.
    let folder = tempfile::tempdir().unwrap();
    leave(folder.path(), FIRST).await;
    drop(Sqlite::open(folder.path()).await.unwrap());
    Sqlite::open_to_read(folder.path()).await.unwrap();
}
