//! What happens to a PostgreSQL that is looked after: backends are ended, it takes no writes for a
//! while, a password is changed. Nobody starts a server anew for that.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    time::Duration,
};

use peng4nn_tests::postgres::Cluster;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, postgres::PgConnectOptions};
use tokio::time::sleep;
use tonic::Code;

use crate::{
    harness::{InProcess, Predictions, Process, full, load::Load, observe, predictions, trial},
    outage::refused,
};

/// Who looks after a database.
async fn administrator(database: &str) -> PgConnection {
    let options: PgConnectOptions = database.parse().unwrap();
    let own = options.options([("default_transaction_read_only", "off")]);
    own.connect().await.unwrap()
}

async fn execute(database: &mut PgConnection, statement: impl Into<String>) {
    let statement = AssertSqlSafe(statement.into());
    sqlx::query(statement).execute(database).await.unwrap();
}

const END_BACKENDS: &str =
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'peng4nn'";

/// Waits for so many acknowledgements more.
async fn more(load: &Load, count: usize) {
    let due = load.count() + count;
    while load.count() < due {
        sleep(Duration::from_millis(5)).await;
    }
}

/// Ends the load; all that was acknowledged is there with the same decision.
async fn verified(mut load: Load, client: &mut Predictions) {
    load.stop().await;
    let count = load.verify(client).await;
    println!("{count} acknowledged observations are as they were");
}

#[tokio::test(flavor = "multi_thread")]
async fn backends_that_are_ended_lose_nothing() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let database = cluster.database().await;
    let server = InProcess::on_postgres(&database).await;
    let mut administrator = administrator(&database).await;
    let mut client = server.client().await;
    let load = Load::start(std::slice::from_ref(&server.endpoint), 6).await;
    for _ in 0..20 {
        more(&load, 20).await;
        execute(&mut administrator, END_BACKENDS).await;
    }
    more(&load, 20).await;
    verified(load, &mut client).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_takes_no_writes_is_waited_for() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let database = cluster.database().await;
    let server = InProcess::on_postgres(&database).await;
    let mut administrator = administrator(&database).await;
    let mut client = server.client().await;
    let name = trial(&mut client, "probe", 200.0).await;
    let first = observe(&mut client, &name, 1.0, 10.0).await.unwrap();
    let load = Load::start(std::slice::from_ref(&server.endpoint), 6).await;
    for round in 0..3 {
        more(&load, 50).await;
        for (setting, writes) in [("on", false), ("off", true)] {
            let set = format!("ALTER SYSTEM SET default_transaction_read_only = {setting}");
            execute(&mut administrator, set).await;
            execute(&mut administrator, "SELECT pg_reload_conf()").await;
            let mut epoch = f64::from(round) + 2.0;
            // A backend reads the settings before its next statement, or a little later.
            loop {
                match observe(&mut client, &name, epoch, 20.0).await {
                    Ok(_) if writes => break,
                    Ok(_) => epoch += 0.125,
                    Err(status) => {
                        refused(&status, Code::Unavailable, "STORAGE_UNAVAILABLE");
                        if !writes {
                            break;
                        }
                    }
                }
            }
        }
        let known = full(&mut client, &name).await.observations;
        assert_eq!(known[0].decision, Some(first.clone()));
    }
    more(&load, 50).await;
    verified(load, &mut client).await;
    server.stop().await;
}

/// To a copy that followed each commit, while the one before still answers those who are with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_is_promoted_is_gone_on_with() {
    let Some(first) = Cluster::start() else {
        return;
    };
    let database = first.database().await;
    let second = first.standby().await;
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().join("database");
    symlink(first.folder(), &name).unwrap();
    let at = |socket: &Path| {
        let options: PgConnectOptions = database.parse().unwrap();
        options.socket(socket).to_url_lossy().to_string()
    };
    let server = InProcess::on_postgres(&at(&name)).await;
    // One that is started on the copy waits until it takes writes.
    let copy = at(second.folder());
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--database", &copy];
    let mut early = Process::start("peng4nn", &arguments);
    early.wait_for("read-only transaction");
    let mut client = server.client().await;
    let probe = trial(&mut client, "probe", 200.0).await;
    let load = Load::start(std::slice::from_ref(&server.endpoint), 6).await;
    more(&load, 200).await;
    let mut administrators = [
        administrator(&at(first.folder())).await,
        administrator(&at(second.folder())).await,
    ];
    for statement in [
        "ALTER SYSTEM SET default_transaction_read_only = on",
        "SELECT pg_reload_conf()",
    ] {
        execute(&mut administrators[0], statement).await;
    }
    let status = loop {
        if let Err(status) = observe(&mut client, &probe, 1.0, 10.0).await {
            break status;
        }
    };
    refused(&status, Code::Unavailable, "STORAGE_UNAVAILABLE");
    execute(&mut administrators[1], "SELECT pg_promote()").await;
    fs::remove_file(&name).unwrap();
    symlink(second.folder(), &name).unwrap();
    more(&load, 400).await;
    early.wait_for("listening");
    verified(load, &mut client).await;
    server.stop().await;
}

fn write_password(file: &Path, password: &str) {
    fs::write(file, format!("*:*:*:rotated:{password}\n")).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
}

/// From a file of passwords, which is read for each connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_changed_is_taken_up() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let database = cluster.database().await;
    let mut administrator = administrator(&database).await;
    let hba: (String,) = sqlx::query_as("SHOW hba_file")
        .fetch_one(&mut administrator)
        .await
        .unwrap();
    for statement in [
        "CREATE ROLE rotated LOGIN PASSWORD 'first'",
        "GRANT ALL ON SCHEMA public TO rotated",
        &format!(
            "COPY (VALUES ('local all rotated scram-sha-256'), ('local all all trust')) TO '{}'",
            hba.0
        ),
        "SELECT pg_reload_conf()",
    ] {
        execute(&mut administrator, statement).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("passwords");
    write_password(&file, "first");
    let options: PgConnectOptions = database.parse().unwrap();
    let url = options.username("rotated").to_url_lossy().to_string();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--database", &url];
    let mut server = Process::start_within(
        &Process::binary("peng4nn"),
        &arguments,
        &[("PGPASSFILE", &file)],
    );
    let line = server.wait_for("listening");
    let port = line.rsplit(':').next().unwrap().trim();
    let mut client = predictions(&format!("http://127.0.0.1:{port}")).await;
    let name = trial(&mut client, "e", 20.0).await;
    let first = observe(&mut client, &name, 1.0, 10.0).await.unwrap();

    execute(&mut administrator, "ALTER ROLE rotated PASSWORD 'second'").await;
    // Connections that there are go on.
    observe(&mut client, &name, 2.0, 20.0).await.unwrap();
    execute(&mut administrator, END_BACKENDS).await;
    let status = observe(&mut client, &name, 3.0, 30.0).await.unwrap_err();
    refused(&status, Code::Unavailable, "STORAGE_UNAVAILABLE");
    write_password(&file, "second");
    observe(&mut client, &name, 3.0, 30.0).await.unwrap();
    assert_eq!(observe(&mut client, &name, 1.0, 10.0).await.unwrap(), first);
    assert_eq!(full(&mut client, &name).await.observation_count, 3);
    assert_eq!(server.signal("TERM"), Some(0));
    for line in server.said() {
        assert!(
            !line.contains("second") && !line.contains("first"),
            "{line}"
        );
    }
}
