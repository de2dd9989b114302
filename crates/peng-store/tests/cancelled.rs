//! A caller that goes away in the middle of a call costs the store nothing.

#![allow(clippy::unwrap_used)]

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use peng_predict::{Epoch, experiment::Settings};
use peng_store::{Label, NewExperiment, Sqlite, Trials, Write};

fn new(id: &str) -> NewExperiment {
    NewExperiment {
        id: id.to_owned(),
        label: Label::default(),
        settings: Settings::accuracy(Epoch::new(20.0).unwrap()),
    }
}

async fn outlives_cancelled_calls(store: Sqlite) {
    let store = Arc::new(store);
    let now = SystemTime::UNIX_EPOCH;
    let (experiment, _) = store.create_experiment(new("kept"), now).await.unwrap();
    for round in 0..400_u64 {
        let store = store.clone();
        let call = tokio::spawn(async move {
            if round % 2 == 0 {
                drop(
                    store
                        .create_experiment(new(&format!("e{round}")), now)
                        .await,
                );
            } else {
                let create = Write::Create {
                    experiment: experiment.key,
                    id: format!("t{round}"),
                    display_name: String::new(),
                };
                drop(store.commit(&[create], now).await);
            }
        });
        tokio::time::sleep(Duration::from_micros(round * 7 % 500)).await;
        call.abort();
    }
    assert!(store.experiment("kept").await.unwrap().is_some());
    let (_, is_new) = store.create_experiment(new("after"), now).await.unwrap();
    assert!(is_new);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_memory() {
    outlives_cancelled_calls(Sqlite::in_memory().await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    outlives_cancelled_calls(Sqlite::open(folder.path()).await.unwrap()).await;
}
