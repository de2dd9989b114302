//! SIGKILL at random moments under load: all that was acknowledged is there with
//! the same decision, and nothing twice. `PENG4NN_KILLS` is how often; few by default.

use std::{
    hash::{BuildHasher, RandomState},
    net::TcpListener,
    time::{Duration, Instant},
};

use peng4nn_tests::postgres::{self, Cluster};
use tokio::time::sleep;

use crate::harness::{InProcess, Process, load::Load, predictions};

const WORKERS: usize = 8;

fn kills() -> usize {
    std::env::var("PENG4NN_KILLS").map_or(3, |kills| kills.parse().unwrap())
}

/// An address that nobody listens on.
fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

pub(crate) fn random(below: u64) -> u64 {
    RandomState::new().hash_one(Instant::now()) % below
}

/// A moment under load.
async fn moment(load: &Load) {
    let before = load.count();
    while load.count() == before {
        sleep(Duration::from_millis(5)).await;
    }
    sleep(Duration::from_millis(random(250))).await;
}

/// What was verified so far.
async fn check(load: &Load, kill: usize, endpoint: &str) {
    let count = load.verify(&mut predictions(endpoint).await).await;
    load.forget_ended();
    println!("kill {kill}: {count} acknowledged observations are as they were");
}

/// A server on a store, listening.
fn serve(address: &str, store: [&str; 2]) -> Process {
    let mut server = Process::start(
        "peng4nn",
        &["serve", "--listen", address, store[0], store[1]],
    );
    server.wait_for("listening");
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_on_a_folder_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = ["--data", folder.path().to_str().unwrap()];
    let address = free_address();
    let endpoint = format!("http://{address}");
    let mut server = serve(&address, store);
    let mut load = Load::start(std::slice::from_ref(&endpoint), WORKERS).await;
    for kill in 1..=kills() {
        moment(&load).await;
        server.kill();
        server = serve(&address, store);
        check(&load, kill, &endpoint).await;
    }
    load.stop().await;
    load.verify(&mut predictions(&endpoint).await).await;
    assert_eq!(server.signal("TERM"), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_postgres_loses_nothing() {
    let Some(mut cluster) = Cluster::start() else {
        return;
    };
    let server = InProcess::on_postgres(&cluster.database().await).await;
    let endpoint = server.endpoint.clone();
    let mut load = Load::start(std::slice::from_ref(&endpoint), WORKERS).await;
    for kill in 1..=kills() {
        moment(&load).await;
        cluster.kill();
        sleep(Duration::from_millis(random(200))).await;
        cluster.restart();
        cluster.wait().await;
        check(&load, kill, &endpoint).await;
    }
    load.stop().await;
    load.verify(&mut predictions(&endpoint).await).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_replica_of_three_loses_nothing() {
    let Some(url) = postgres::database().await else {
        return;
    };
    let store = ["--database", url.as_str()];
    let addresses = [free_address(), free_address(), free_address()];
    let endpoints: Vec<_> = addresses
        .iter()
        .map(|address| format!("http://{address}"))
        .collect();
    let mut servers: Vec<_> = addresses
        .iter()
        .map(|address| serve(address, store))
        .collect();
    let mut load = Load::start(&endpoints, WORKERS).await;
    for kill in 1..=kills() {
        moment(&load).await;
        let victim = usize::try_from(random(3)).unwrap();
        servers[victim].kill();
        // What one that is left tells, while the other is away.
        check(&load, kill, &endpoints[(victim + 1) % 3]).await;
        servers[victim] = serve(&addresses[victim], store);
    }
    load.stop().await;
    for endpoint in &endpoints {
        load.verify(&mut predictions(endpoint).await).await;
    }
    for server in &mut servers {
        assert_eq!(server.signal("TERM"), Some(0));
    }
}
