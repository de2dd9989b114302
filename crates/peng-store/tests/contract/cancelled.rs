//! A caller that goes away in the middle of a call costs the store nothing.

use std::time::Duration;

use crate::backend::{Backend, at, create, experiment, new};

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
