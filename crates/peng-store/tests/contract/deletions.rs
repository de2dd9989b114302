//! An experiment that is deleted is gone at once, and in the end from the disk.

use std::time::SystemTime;

use peng_store::{Deleted, ExperimentKey, OnlyIf, Seq, Store, TrialKey, Written};

use crate::backend::{Backend, at, create, curve, experiment, new, observe, trial};

async fn delete(store: &dyn Store, key: ExperimentKey, only_if: OnlyIf) -> Deleted {
    store.delete_experiment(key, only_if, at(9)).await.unwrap()
}

/// Removes a few rows at a time until none is left; how many there were.
async fn sweep_all(store: &dyn Store) -> u64 {
    let mut removed = 0;
    loop {
        match store.sweep(3).await.unwrap() {
            0 => return removed,
            some @ 1..=3 => removed += some,
            more => panic!("{more} rows in one commit"),
        }
    }
}

async fn ids(store: &dyn Store) -> Vec<String> {
    let page = store.experiments("", 10).await.unwrap();
    page.into_iter().map(|one| one.id).collect()
}

pub(crate) async fn what_is_deleted_is_gone_for_every_server(backend: &Backend) {
    let [store, other] = backend.open_two().await;
    let kept = experiment(&*store, "kept").await;
    let kept_trial = trial(&*store, &kept, "t").await;
    let gone = experiment(&*store, "gone").await;
    let gone_trial = trial(&*store, &gone, "t").await;
    let log = curve(7);
    for (version, logged) in (0..).zip(&log[..6]) {
        let writes = [
            observe(&gone, &gone_trial, version, logged),
            observe(&kept, &kept_trial, version, logged),
        ];
        store.commit(&writes, at(3)).await.unwrap();
    }
    assert_eq!(delete(&*store, gone.key, OnlyIf::Any).await, Deleted::Done);
    // Until its rows are removed, while they are, and after that.
    for rest in 0..2 {
        assert!(other.experiment("gone").await.unwrap().is_none());
        assert!(other.trial(gone.key, "t").await.unwrap().is_none());
        assert_eq!(ids(&*other).await, ["kept"]);
        let ends = other.ends(&[gone.key, kept.key]).await.unwrap();
        assert_eq!(ends.iter().map(|end| end.0).collect::<Vec<_>>(), [kept.key]);
        let writes = [
            observe(&gone, &gone_trial, 6, &log[6]),
            create(&gone, &format!("new-{rest}")),
        ];
        let written = other.commit(&writes, at(4)).await.unwrap();
        assert_eq!(written, [Written::Stale, Written::IdTaken]);
        assert_eq!(
            delete(&*other, gone.key, OnlyIf::Any).await,
            Deleted::NotFound
        );
        store.sweep(3).await.unwrap();
    }
    // Six observations, the creation of the trial, and the trial; three are gone twice. The
    // experiment itself may go when there is a later one.
    sweep_all(&*other).await;
    assert!(
        store
            .events(gone.key, Seq::START, 10)
            .await
            .unwrap()
            .is_empty()
    );
    let left = store.trials(gone.key, TrialKey::FIRST, 10).await.unwrap();
    assert!(left.is_empty());
    assert_eq!(store.observations(gone_trial.key).await.unwrap(), []);
    // What it was next to is whole, and its id is free for another.
    assert_eq!(store.observations(kept_trial.key).await.unwrap(), log[..6]);
    let (again, is_new) = other.create_experiment(new("gone"), at(5)).await.unwrap();
    assert!(is_new && again.key != gone.key);
    trial(&*store, &again, "t").await;
    sweep_all(&*other).await;
    let written = other.commit(&[create(&gone, "t")], at(6)).await.unwrap();
    assert_eq!(written, [Written::IdTaken]);
}

pub(crate) async fn only_what_is_meant_is_deleted(backend: &Backend) {
    let store = backend.open().await;
    let empty = experiment(&*store, "empty").await;
    let busy = experiment(&*store, "busy").await;
    let row = trial(&*store, &busy, "t").await;
    let write = observe(&busy, &row, 0, &curve(1)[0]);
    store.commit(&[write], at(1_000)).await.unwrap();
    let idle = async |since: SystemTime| {
        let idle = store.idle_experiments(since, 10).await.unwrap();
        idle.into_iter().map(|one| one.id).collect::<Vec<_>>()
    };
    assert_eq!(idle(at(1)).await, [""; 0]);
    assert_eq!(idle(at(1_000)).await, ["empty"]);
    assert_eq!(idle(at(1_001)).await, ["busy", "empty"]);
    for (only_if, deleted) in [
        (OnlyIf::Empty, Deleted::Kept),
        (OnlyIf::IdleSince(at(1_000)), Deleted::Kept),
        (OnlyIf::IdleSince(at(1_001)), Deleted::Done),
        (OnlyIf::Any, Deleted::NotFound),
    ] {
        assert_eq!(
            delete(&*store, busy.key, only_if).await,
            deleted,
            "{only_if:?}"
        );
    }
    assert_eq!(idle(at(1_001)).await, ["empty"]);
    let deleted = delete(&*store, empty.key, OnlyIf::Empty).await;
    assert_eq!(deleted, Deleted::Done);
    experiment(&*store, "last").await;
    // Two events, a trial, two experiments.
    assert_eq!(sweep_all(&*store).await, 2 + 1 + 1 + 1);
}
