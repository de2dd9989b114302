//! A write counts only where its writer knew all that is in the log.

use peng_store::{Basis, State, Version, Write, Written};

use crate::backend::{Backend, at, curve, experiment, observe, trial};

pub(crate) async fn writes_follow_each_other(backend: &Backend) {
    let store = backend.open().await;
    let e = experiment(&*store, "e").await;
    let t = trial(&*store, &e, "t").await;
    let points = curve(4);
    let writes: Vec<_> = (0..)
        .zip(&points)
        .map(|(version, point)| observe(&e, &t, version, point))
        .collect();
    let first = store.commit(&writes[..3], at(3)).await.unwrap();
    assert!(
        first
            .iter()
            .all(|written| matches!(written, Written::At(_)))
    );
    let version = store.trial(e.key, "t").await.unwrap().unwrap().version;
    assert_eq!(version, Version::new(3));
    let second = store.commit(&writes[3..], at(4)).await.unwrap();
    assert!(matches!(second[..], [Written::At(_)]));
    assert_eq!(store.observations(t.key).await.unwrap(), points);
}

pub(crate) async fn a_stale_write_is_refused_with_all_that_follows(backend: &Backend) {
    let store = backend.open().await;
    let e = experiment(&*store, "e").await;
    let (t, u) = (trial(&*store, &e, "t").await, trial(&*store, &e, "u").await);
    let points = curve(6);
    let logged = [
        observe(&e, &t, 0, &points[0]),
        observe(&e, &t, 1, &points[1]),
    ];
    store.commit(&logged, at(3)).await.unwrap();
    // One that knew of none of them; its third write has the right version by chance.
    let stale = [
        observe(&e, &t, 0, &points[2]),
        observe(&e, &u, 0, &points[0]),
        observe(&e, &t, 1, &points[3]),
        observe(&e, &t, 2, &points[4]),
    ];
    let written = store.commit(&stale, at(4)).await.unwrap();
    assert!(matches!(
        written[..],
        [
            Written::Stale,
            Written::At(_),
            Written::Stale,
            Written::Stale
        ]
    ));
    let ahead = store
        .commit(&[observe(&e, &t, 5, &points[5])], at(5))
        .await
        .unwrap();
    assert_eq!(ahead, [Written::Stale]);
    assert_eq!(store.observations(t.key).await.unwrap(), points[..2]);
    assert_eq!(store.observations(u.key).await.unwrap(), points[..1]);
}

pub(crate) async fn an_experiment_has_a_version_of_its_own(backend: &Backend) {
    let store = backend.open().await;
    let e = experiment(&*store, "e").await;
    let (t, u) = (trial(&*store, &e, "t").await, trial(&*store, &e, "u").await);
    let points = curve(3);
    let on = |trial: &peng_store::Trial, version, point: usize| Write::Observe {
        experiment: e.key,
        trial: trial.key,
        basis: Basis::Experiment(Version::new(version)),
        logged: Box::new(points[point].clone()),
        enters: None,
    };
    let end = Write::Enter {
        experiment: e.key,
        trial: t.key,
        basis: Basis::Experiment(Version::new(2)),
        state: State::Succeeded,
        at: at(3),
        message: String::new(),
    };
    let written = store
        .commit(&[on(&t, 0, 0), on(&u, 1, 0), end], at(3))
        .await
        .unwrap();
    assert!(
        written
            .iter()
            .all(|written| matches!(written, Written::At(_)))
    );
    let stale = store
        .commit(&[on(&u, 2, 1), on(&t, 3, 1)], at(4))
        .await
        .unwrap();
    assert_eq!(stale, [Written::Stale, Written::Stale]);
    let read = store.experiment("e").await.unwrap().unwrap();
    assert_eq!(read.version, Version::new(3));
    let written = store.commit(&[on(&u, 3, 1)], at(5)).await.unwrap();
    assert!(matches!(written[..], [Written::At(_)]));
}

pub(crate) async fn a_check_tells_whether_the_log_has_grown(backend: &Backend) {
    let store = backend.open().await;
    let e = experiment(&*store, "e").await;
    let t = trial(&*store, &e, "t").await;
    let points = curve(2);
    let check = |version| Write::Check {
        experiment: e.key,
        trial: t.key,
        basis: Basis::Trial(Version::new(version)),
    };
    let writes = [check(0), observe(&e, &t, 0, &points[0]), check(1)];
    let written = store.commit(&writes, at(3)).await.unwrap();
    assert!(matches!(
        written[..],
        [Written::Current, Written::At(_), Written::Current]
    ));
    assert_eq!(
        store.commit(&[check(1)], at(4)).await.unwrap(),
        [Written::Current]
    );
    let late = [check(0), observe(&e, &t, 1, &points[1])];
    assert_eq!(
        store.commit(&late, at(5)).await.unwrap(),
        [Written::Stale, Written::Stale]
    );
}
