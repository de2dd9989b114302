//! Files of the database that are not what it has written.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::fs::FileExt,
    path::Path,
};

use peng_proto::{error::reason_of, v1};
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use tonic::Code;

use crate::harness::{
    Predictions, Process, another_trial, full, observe, predictions, rising, trial,
};

const TRIALS: u32 = 12;
const EPOCHS: u32 = 20;

/// A server of its own process on a folder.
async fn serve(folder: &Path) -> (Process, Predictions) {
    let data = folder.to_str().unwrap();
    let mut server = Process::start(
        "peng4nn",
        &["serve", "--listen", "127.0.0.1:0", "--data", data],
    );
    let line = server.wait_for("listening");
    let port = line.rsplit(':').next().unwrap().trim();
    let client = predictions(&format!("http://127.0.0.1:{port}")).await;
    (server, client)
}

/// What a server acknowledged before it was killed.
async fn fill(folder: &Path) -> Vec<v1::Trial> {
    let (mut server, mut client) = serve(folder).await;
    trial(&mut client, "e", 1e6).await;
    let mut trials = Vec::new();
    for number in 0..TRIALS {
        let name = another_trial(&mut client, "e", &format!("n{number}")).await;
        for epoch in 1..=EPOCHS {
            let value = rising(50.0 + f64::from(number), epoch);
            observe(&mut client, &name, f64::from(epoch), value)
                .await
                .unwrap();
        }
        trials.push(full(&mut client, &name).await);
    }
    server.kill();
    trials
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_was_cut_off_is_as_if_it_had_not_begun() {
    let folder = tempfile::tempdir().unwrap();
    let trials = fill(folder.path()).await;
    let log = folder.path().join("peng4nn.db-wal");
    let begun = fs::read(&log).unwrap()[32..2_000].to_vec();
    let mut log = OpenOptions::new().append(true).open(log).unwrap();
    log.write_all(&begun).unwrap();
    let (mut server, mut client) = serve(folder.path()).await;
    for known in &trials {
        assert_eq!(full(&mut client, &known.name).await, *known);
    }
    let name = another_trial(&mut client, "e", "after").await;
    observe(&mut client, &name, 1.0, 50.0).await.unwrap();
    assert_eq!(server.signal("TERM"), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_page_is_told_and_the_rest_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let trials = fill(folder.path()).await;
    let path = folder.path().join("peng4nn.db");
    let mut database = SqliteConnectOptions::new()
        .filename(&path)
        .connect()
        .await
        .unwrap();
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
        .execute(&mut database)
        .await
        .unwrap();
    database.close().await.unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    let length = file.metadata().unwrap().len();
    file.write_all_at(&[0xff; 4096], length - 4096).unwrap();

    let (mut server, mut client) = serve(folder.path()).await;
    let mut damaged = 0;
    for known in &trials {
        let request = v1::GetTrialRequest {
            name: known.name.clone(),
            view: v1::TrialView::Full.into(),
        };
        match client.get_trial(request).await {
            Ok(read) => assert_eq!(read.into_inner().trial.as_ref(), Some(known)),
            Err(status) => {
                assert_eq!(status.code(), Code::Internal, "{status:?}");
                assert_eq!(reason_of(&status).as_deref(), Some("INTERNAL"));
                assert!(status.message().contains("damaged"), "{status:?}");
                damaged += 1;
            }
        }
    }
    assert!((1..TRIALS).contains(&damaged), "{damaged} of {TRIALS}");
    server.wait_for("the files of the database are damaged");
    assert_eq!(server.signal("TERM"), Some(0));
}
