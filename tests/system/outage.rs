//! A storage that is away or full is told so, and is used again when it is back.

use std::{fs, path::Path, process::Command, time::Duration};

use peng_proto::error::reason_of;
use peng4nn_tests::postgres::Cluster;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::harness::{InProcess, Process, another_trial, full, observe, predictions, trial};

pub(crate) fn refused(status: &Status, code: Code, reason: &str) {
    assert_eq!(status.code(), code, "{status:?}");
    assert_eq!(reason_of(status).as_deref(), Some(reason));
    assert!(status.get_details_retry_info().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_is_waited_for() {
    let Some(mut cluster) = Cluster::start() else {
        return;
    };
    let server = InProcess::on_postgres(&cluster.database().await).await;
    let mut client = server.client().await;
    let name = trial(&mut client, "e", 20.0).await;
    let first = observe(&mut client, &name, 1.0, 10.0).await.unwrap();
    cluster.kill();
    let status = observe(&mut client, &name, 2.0, 20.0).await.unwrap_err();
    refused(&status, Code::Unavailable, "STORAGE_UNAVAILABLE");
    // What was acknowledged is not told either while nobody can say whether it is all.
    let status = observe(&mut client, &name, 1.0, 10.0).await.unwrap_err();
    refused(&status, Code::Unavailable, "STORAGE_UNAVAILABLE");
    cluster.restart();
    cluster.wait().await;
    observe(&mut client, &name, 2.0, 20.0).await.unwrap();
    assert_eq!(observe(&mut client, &name, 1.0, 10.0).await.unwrap(), first);
    assert_eq!(full(&mut client, &name).await.observation_count, 2);
    server.stop().await;
}

/// A server is not started anew for a database that comes later than itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_comes_later_is_waited_for() {
    let Some(mut cluster) = Cluster::start() else {
        return;
    };
    let database = cluster.database().await;
    cluster.kill();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--database", &database];
    let mut server = Process::start("peng4nn", &arguments);
    let mut other = Process::start("peng4nn", &arguments);
    for server in [&mut server, &mut other] {
        let line = server.wait_for("waits for the database");
        assert!(line.contains("Connection refused"), "{line}");
    }
    assert_eq!(other.signal("TERM"), Some(130));
    cluster.restart();
    let line = server.wait_for("listening");
    let port = line.rsplit(':').next().unwrap().trim();
    let mut client = predictions(&format!("http://127.0.0.1:{port}")).await;
    let name = trial(&mut client, "e", 20.0).await;
    observe(&mut client, &name, 1.0, 10.0).await.unwrap();
    assert_eq!(server.signal("TERM"), Some(0));

    let missing = database.replace("/peng4nn_test_", "/missing_");
    let mut server = Process::start("peng4nn", &["serve", "--database", &missing]);
    server.wait_for("does not exist");
    assert_eq!(server.wait(), Some(1));
}

/// A command in a namespace where `folder` is a disk of one megabyte, where this
/// machine lets us.
fn on_a_small_disk(folder: &Path, command: &str) -> [String; 4] {
    let folder = folder.display();
    let script = format!("mount -t tmpfs -o size=1m none '{folder}' && {command}");
    ["-rm", "sh", "-c", &script].map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_room_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let probe = Command::new("unshare")
        .args(on_a_small_disk(folder.path(), "true"))
        .output();
    if !probe.is_ok_and(|probe| probe.status.success()) {
        eprintln!("this machine has no namespaces to mount a small disk in: not tested");
        return;
    }
    let serve = format!(
        "exec '{}' serve --listen 127.0.0.1:0 --data '{}'",
        Process::binary("peng4nn").display(),
        folder.path().display()
    );
    let arguments = on_a_small_disk(folder.path(), &serve);
    let mut server = Process::start_program(Path::new("unshare"), &arguments);
    let line = server.wait_for("listening");
    let port = line.rsplit(':').next().unwrap().trim();
    let mut client = predictions(&format!("http://127.0.0.1:{port}")).await;
    let name = trial(&mut client, "e", 1e6).await;
    // Seen through the server, whose namespace has the disk.
    let disk = format!("/proc/{}/root{}", server.id(), folder.path().display());
    let filler = Path::new(&disk).join("filler");
    fs::write(&filler, vec![0; 400 << 10]).unwrap();
    let (mut acknowledged, mut decisions) = (0, Vec::new());
    let status = loop {
        let epoch = f64::from(acknowledged + 1);
        match observe(&mut client, &name, epoch, 50.0 + 40.0 * epoch.sin()).await {
            Ok(decision) => decisions.push(decision),
            Err(status) => break status,
        }
        acknowledged += 1;
        assert!(acknowledged < 10_000, "the disk never fills");
    };
    refused(&status, Code::ResourceExhausted, "STORAGE_FULL");
    fs::remove_file(&filler).unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let epoch = f64::from(acknowledged + 1);
    observe(&mut client, &name, epoch, 50.0).await.unwrap();
    let stored = full(&mut client, &name).await.observations;
    assert_eq!(stored.len(), decisions.len() + 1);
    for (stored, decision) in stored.iter().zip(&decisions) {
        assert_eq!(stored.decision.as_ref(), Some(decision));
    }
    another_trial(&mut client, "e", "t2").await;
}

#[test]
fn a_folder_that_cannot_be_written_to_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let below = file.join("data");
    let data = below.to_str().unwrap();
    let mut server = Process::start(
        "peng4nn",
        &["serve", "--listen", "127.0.0.1:0", "--data", data],
    );
    server.wait_for(&format!("cannot use the data folder {data}"));
    assert_eq!(server.wait(), Some(1));
}

#[test]
fn a_read_only_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let lock = format!("mount -o remount,ro '{}'", folder.path().display());
    let probe = Command::new("unshare")
        .args(on_a_small_disk(folder.path(), &lock))
        .output();
    if !probe.is_ok_and(|probe| probe.status.success()) {
        eprintln!("this machine has no namespaces to mount a read-only disk in: not tested");
        return;
    }
    let data = folder.path().display();
    let serve = format!(
        "{lock} && exec '{}' serve --listen 127.0.0.1:0 --data '{data}'",
        Process::binary("peng4nn").display(),
    );
    let arguments = on_a_small_disk(folder.path(), &serve);
    let mut server = Process::start_program(Path::new("unshare"), &arguments);
    server.wait_for(&format!("cannot use the data folder {data}"));
    assert_eq!(server.wait(), Some(1));
}
