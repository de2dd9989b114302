//! A folder that an older version has left is taken over as it is.

use std::path::Path;

use peng_store::{Error, EventKind, Seq, Sqlite, State, TrialKey, Trials, Version, Written};
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};

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
    let store = Sqlite::open(folder.path()).await.unwrap();
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
