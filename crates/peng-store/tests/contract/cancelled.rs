//! A caller that goes away in the middle of a call costs the store nothing.

use std::time::Duration;

use peng_store::Written;
use rusqlite::Connection;

use crate::backend::{Backend, at, create, curve, experiment, new, observe, trial};

pub(crate) async fn a_call_that_is_given_up_costs_nothing(backend: &Backend) {
    let store = backend.open().await;
    let kept = experiment(&*store, "kept").await;
    for round in 0..400_u64 {
        let (store, kept) = (store.clone(), kept.clone());
        let call = tokio::spawn(async move {
            if round % 2 == 0 {
                drop(
                    store
                        .create_experiment(new(&format!("e{round}")), at(1))
                        .await,
                );
            } else {
                drop(
                    store
                        .commit(&[create(&kept, &format!("t{round}"))], at(1))
                        .await,
                );
            }
        });
        tokio::time::sleep(Duration::from_micros(round * 7 % 500)).await;
        call.abort();
    }
    assert!(store.experiment("kept").await.unwrap().is_some());
    let (_, is_new) = store.create_experiment(new("after"), at(1)).await.unwrap();
    assert!(is_new);
}

/// It may be at its end on a connection of its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_waits_for_a_write_that_nobody_waits_for() {
    let backend = Backend::folder();
    let store = backend.open().await;
    let Backend::Folder(folder) = &backend else {
        return;
    };
    let e = experiment(&*store, "e").await;
    let t = trial(&*store, &e, "t").await;
    let left = Connection::open(folder.path().join("peng4nn.db")).unwrap();
    left.execute_batch("BEGIN IMMEDIATE; UPDATE experiments SET label = label")
        .unwrap();
    let write = observe(&e, &t, 0, &curve(1)[0]);
    let commit = tokio::spawn(async move { store.commit(&[write], at(3)).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    left.execute_batch("COMMIT").unwrap();
    let written = commit.await.unwrap().unwrap();
    assert!(matches!(written[..], [Written::At(_)]));
}
