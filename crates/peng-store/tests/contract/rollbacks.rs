//! A trial that is rolled back keeps its log, and goes on from an earlier epoch.

use peng_predict::Epoch;
use peng_store::{Basis, EventKind, Seq, State, Version, Write, Written};

use crate::backend::{Backend, at, curve, experiment, observe, trial};

pub(crate) async fn what_is_taken_back_stays_in_the_log_alone(backend: &Backend) {
    let store = backend.open().await;
    let e = experiment(&*store, "e").await;
    let (t, u) = (trial(&*store, &e, "t").await, trial(&*store, &e, "u").await);
    let points = curve(4);
    for one in [&t, &u] {
        let writes: Vec<_> = (0..)
            .zip(&points)
            .map(|(version, point)| observe(&e, one, version, point))
            .collect();
        store.commit(&writes, at(3)).await.unwrap();
    }
    let back = |version| Write::RollBack {
        experiment: e.key,
        trial: t.key,
        basis: Basis::Trial(Version::new(version)),
        epoch: Epoch::new(2.0).unwrap(),
        resumes: true,
    };
    assert_eq!(
        store.commit(&[back(3)], at(4)).await.unwrap(),
        [Written::Stale]
    );
    let written = store.commit(&[back(4)], at(5)).await.unwrap();
    assert!(matches!(written[..], [Written::At(_)]));
    assert_eq!(store.observations(t.key).await.unwrap(), points[..2]);
    assert_eq!(store.observations(u.key).await.unwrap(), points);
    // The epochs are free again, and may be taken back again.
    let again = [observe(&e, &t, 5, &points[2])];
    store.commit(&again, at(6)).await.unwrap();
    assert_eq!(store.observations(t.key).await.unwrap(), points[..3]);
    store.commit(&[back(6)], at(7)).await.unwrap();
    assert_eq!(store.observations(t.key).await.unwrap(), points[..2]);
    let events = store.events(e.key, Seq::START, 100).await.unwrap();
    let told: Vec<_> = events
        .iter()
        .filter(|event| event.key == t.key)
        .map(|event| {
            let text = match &event.kind {
                EventKind::Observed(logged) => logged.observation.epoch.to_string(),
                EventKind::Entered(state) => state.as_str().to_owned(),
                EventKind::RolledBack(epoch) => format!("back to {epoch}"),
            };
            (text, event.retracted)
        })
        .collect();
    let expected = [
        ("running", false),
        ("1", false),
        ("2", false),
        ("3", true),
        ("4", true),
        ("back to 2", false),
        ("running", false),
        ("3", true),
        ("back to 2", false),
        ("running", false),
    ];
    let expected: Vec<_> = expected
        .iter()
        .map(|(text, retracted)| ((*text).to_owned(), *retracted))
        .collect();
    assert_eq!(told, expected);
}

pub(crate) async fn a_preempted_trial_runs_again(backend: &Backend) {
    let store = backend.open().await;
    let e = experiment(&*store, "e").await;
    let t = trial(&*store, &e, "t").await;
    let points = curve(2);
    let leaves = Write::Enter {
        experiment: e.key,
        trial: t.key,
        basis: Basis::Trial(Version::new(1)),
        state: State::Preempted,
        at: at(4),
        message: "has to leave".to_owned(),
    };
    let writes = [observe(&e, &t, 0, &points[0]), leaves];
    store.commit(&writes, at(4)).await.unwrap();
    let found = || async { store.trial(e.key, "t").await.unwrap().unwrap() };
    assert_eq!(
        (found().await.state, found().await.ended),
        (State::Preempted, Some(at(4)))
    );
    // Nothing is taken back, and it goes on.
    let back = Write::RollBack {
        experiment: e.key,
        trial: t.key,
        basis: Basis::Trial(Version::new(2)),
        epoch: points[0].observation.epoch,
        resumes: true,
    };
    let written = store.commit(&[back], at(5)).await.unwrap();
    assert!(matches!(written[..], [Written::At(_)]), "{written:?}");
    let on = [observe(&e, &t, 3, &points[1])];
    store.commit(&on, at(6)).await.unwrap();
    let running = found().await;
    assert_eq!((running.state, running.ended), (State::Running, None));
    assert_eq!(running.message, "");
    assert_eq!(store.observations(t.key).await.unwrap(), points);
}
