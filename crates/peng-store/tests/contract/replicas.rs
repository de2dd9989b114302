//! Several writers at a time: on PostgreSQL over connections of two servers.

use std::sync::Arc;

use peng_store::{Experiment, Logged, Seq, Store, Version, Written};
use tokio::task::JoinSet;

use crate::backend::{Backend, at, curve, experiment, observe, trial};

/// Writes the next point of the curve until it is complete, whoever writes it.
async fn write_all(store: Arc<dyn Store>, e: Experiment, points: Arc<Vec<Logged>>) -> usize {
    let mut mine = 0;
    loop {
        let t = store.trial(e.key, "t").await.unwrap().unwrap();
        let next = usize::try_from(t.version.get()).unwrap();
        let Some(point) = points.get(next) else {
            return mine;
        };
        let write = observe(&e, &t, t.version.get(), point);
        match store.commit(&[write], at(3)).await.unwrap()[..] {
            [Written::At(_)] => mine += 1,
            [Written::Stale] => {}
            ref other => panic!("{other:?}"),
        }
    }
}

pub(crate) async fn writers_of_one_trial_take_turns(backend: &Backend) {
    let stores = backend.open_two().await;
    let e = experiment(&*stores[0], "e").await;
    let t = trial(&*stores[0], &e, "t").await;
    let points = Arc::new(curve(60));
    let mut writers = JoinSet::new();
    for writer in 0..4 {
        writers.spawn(write_all(
            stores[writer % 2].clone(),
            e.clone(),
            points.clone(),
        ));
    }
    let written: usize = writers.join_all().await.into_iter().sum();
    assert_eq!(written, points.len());
    assert_eq!(stores[1].observations(t.key).await.unwrap(), *points);
    let version = stores[1].trial(e.key, "t").await.unwrap().unwrap().version;
    assert_eq!(version, Version::new(60));
}

pub(crate) async fn a_reader_misses_no_event(backend: &Backend) {
    const TRIALS: usize = 6;
    let stores = backend.open_two().await;
    let e = experiment(&*stores[0], "e").await;
    let points = Arc::new(curve(40));
    let mut writers = JoinSet::new();
    for writer in 0..TRIALS {
        let (store, e, points) = (stores[writer % 2].clone(), e.clone(), points.clone());
        writers.spawn(async move {
            let t = trial(&*store, &e, &format!("t{writer}")).await;
            for (version, point) in (0..).zip(&*points) {
                store
                    .commit(&[observe(&e, &t, version, point)], at(3))
                    .await
                    .unwrap();
            }
        });
    }
    let (mut after, mut read) = (Seq::START, 0);
    while read < TRIALS * (points.len() + 1) {
        let page = stores[1].events(e.key, after, 16).await.unwrap();
        after = page.last().map_or(after, |last| last.seq);
        read += page.len();
        if page.is_empty() {
            assert!(
                !writers.is_empty(),
                "an event became visible behind the reader"
            );
            if let Some(ended) = writers.try_join_next() {
                ended.unwrap();
            }
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(stores[0].ends(&[e.key]).await.unwrap(), [(e.key, after)]);
    writers.join_all().await;
}
