//! The network fails between a server and its database.

use std::{sync::Arc, time::Duration};

use peng_proto::error::reason_of;
use peng_store::{Patience, Postgres};
use peng4nn_tests::postgres::Cluster;
use tokio::time::sleep;
use tonic::Code;
use tonic_types::StatusExt;

use super::{
    OUTAGE,
    proxy::{Proxy, To},
};
use crate::harness::{InProcess, load::Load, observe, trial};

/// A server whose database is behind a proxy.
async fn start(cluster: &Cluster) -> (InProcess, Proxy) {
    let proxy = Proxy::start(To::Unix(cluster.socket())).await;
    let database = cluster.database().await;
    let options: sqlx::postgres::PgConnectOptions = database.parse().unwrap();
    let (user, name) = (options.get_username(), options.get_database().unwrap());
    let port = proxy.address().port();
    let address = format!("postgres://{user}@127.0.0.1:{port}/{name}?sslmode=disable");
    let patience = Patience {
        connect: Duration::from_millis(500),
        call: Duration::from_secs(1),
    };
    let store = Postgres::open(&address, patience).await.unwrap();
    (InProcess::on(Arc::new(store)).await, proxy)
}

async fn told_so(server: &InProcess, name: &str) {
    let mut client = server.client().await;
    let status = observe(&mut client, name, 99.0, 10.0).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert_eq!(reason_of(&status).as_deref(), Some("STORAGE_UNAVAILABLE"));
    assert!(status.get_details_retry_info().is_some());
}

/// Waits for so many acknowledgements more.
async fn more(load: &Load, count: usize) {
    let due = load.count() + count;
    while load.count() < due {
        sleep(Duration::from_millis(5)).await;
    }
}

/// Cut under load and mended; at last for new connections only, so that each
/// that there was hangs for ever, in the middle of whatever it was at.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_cut_off_is_waited_for() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let (server, proxy) = start(&cluster).await;
    let mut client = server.client().await;
    let name = trial(&mut client, "probe", 200.0).await;
    let endpoint = server.endpoint.clone();
    let mut load = Load::start(std::slice::from_ref(&endpoint), 6).await;
    for mend in [Proxy::mend, Proxy::mend_for_new_ones] {
        more(&load, 50).await;
        proxy.cut();
        told_so(&server, &name).await;
        sleep(OUTAGE).await;
        mend(&proxy);
        more(&load, 50).await;
        let count = load.verify(&mut client).await;
        println!("{count} acknowledged observations are as they were");
    }
    load.stop().await;
    load.verify(&mut client).await;
    server.stop().await;
}

/// What is lost while nobody uses it costs the next call a moment, and no error.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_lost_between_calls_are_replaced() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let (server, proxy) = start(&cluster).await;
    let mut client = server.client().await;
    let name = trial(&mut client, "probe", 200.0).await;
    for epoch in 1..=12 {
        proxy.cut();
        proxy.mend_for_new_ones();
        let decided = observe(&mut client, &name, f64::from(epoch), 10.0).await;
        decided.unwrap();
    }
    server.stop().await;
}
