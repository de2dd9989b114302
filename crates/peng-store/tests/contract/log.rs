//! What is written is read again, also by the next server.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use peng_predict::{rate::Schedule, trial::Session};
use peng_store::{Basis, EventKind, Seq, State, TrialKey, Version, Write, Written};

use crate::backend::{Backend, at, create, curve, decide, experiment, new, observe, trial};

pub(crate) async fn an_experiment_is_created_once(backend: &Backend) {
    let store = backend.open().await;
    let (first, is_new) = store.create_experiment(new("e"), at(7)).await.unwrap();
    assert!(is_new);
    let mut other = new("e");
    "loss".clone_into(&mut other.label.metric);
    let (second, is_new) = store.create_experiment(other, at(8)).await.unwrap();
    assert!(!is_new);
    assert_eq!(first.key, second.key);
    assert_eq!(second.label, new("e").label);
    assert_eq!(second.settings, new("e").settings);
    assert_eq!(second.created, at(7));
    assert!(store.experiment("f").await.unwrap().is_none());
}

pub(crate) async fn experiments_are_paged_by_id(backend: &Backend) {
    let store = backend.open().await;
    for id in ["b", "a-2", "a1", "a-10", "0"] {
        experiment(&*store, id).await;
    }
    let (mut after, mut ids) = (String::new(), Vec::new());
    loop {
        let page = store.experiments(&after, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after.clone_from(&last.id);
        ids.extend(page.into_iter().map(|experiment| experiment.id));
    }
    assert_eq!(ids, ["0", "a-10", "a-2", "a1", "b"], "byte by byte");
}

pub(crate) async fn a_trial_is_created_once(backend: &Backend) {
    let store = backend.open().await;
    let (e, f) = (
        experiment(&*store, "e").await,
        experiment(&*store, "f").await,
    );
    let writes = [
        create(&e, "t"),
        create(&e, "t"),
        create(&f, "t"),
        create(&e, "u"),
    ];
    let written = store.commit(&writes, at(3)).await.unwrap();
    assert!(matches!(
        written[..],
        [
            Written::Created { .. },
            Written::IdTaken,
            Written::Created { .. },
            Written::Created { .. }
        ]
    ));
    let again = store.commit(&writes, at(4)).await.unwrap();
    assert_eq!(again, [Written::IdTaken; 4]);
    let trials = store.trials(e.key, TrialKey::FIRST, 10).await.unwrap();
    let ids: Vec<_> = trials.iter().map(|trial| trial.id.as_str()).collect();
    assert_eq!(ids, ["t", "u"], "by creation");
    let rest = store.trials(e.key, trials[0].key, 10).await.unwrap();
    assert_eq!(rest, trials[1..]);
    assert_eq!(trials[0].state, State::Running);
    assert_eq!(trials[0].display_name, "\"trial\" t,\nß");
    assert_eq!(trials[0].created, at(3));
    assert_eq!(trials[0].version, Version::default());
}

pub(crate) async fn a_schedule_is_kept(backend: &Backend) {
    let store = backend.open().await;
    let e = experiment(&*store, "e").await;
    let told: Schedule = "steps=0.1,150,250*0.2+warm-up=0.3".parse().unwrap();
    let mut declared = create(&e, "declared");
    if let Write::Create { schedule, .. } = &mut declared {
        *schedule = Some(told.clone());
    }
    store
        .commit(&[create(&e, "t"), declared], at(3))
        .await
        .unwrap();
    let trials = store.trials(e.key, TrialKey::FIRST, 10).await.unwrap();
    assert_eq!(trials[0].schedule, None);
    assert_eq!(trials[1].schedule.as_deref(), Some(&told));
    let known = store.schedules(e.key).await.unwrap();
    assert_eq!(known, [(trials[1].key, Arc::new(told))]);
}

pub(crate) async fn what_is_logged_is_read_bit_by_bit(backend: &Backend) {
    let store = backend.open().await;
    let e = experiment(&*store, "e").await;
    let t = trial(&*store, &e, "t").await;
    let mut session = Session::new(Arc::new(e.settings.clone()));
    let values = [
        0.1 + 0.2,
        1e-300,
        99.999_999_999_999_99,
        70.1,
        80.3,
        f64::NEG_INFINITY,
        f64::NAN,
    ];
    let mut logged = Vec::new();
    for (index, value) in values.into_iter().enumerate() {
        logged.push(decide(&mut session, 0.1 * (index + 1) as f64, value));
    }
    for (version, entry) in (0..).zip(&logged) {
        let written = store
            .commit(&[observe(&e, &t, version, entry)], at(5))
            .await
            .unwrap();
        assert!(matches!(written[..], [Written::At(_)]));
    }
    let enter = Write::Enter {
        experiment: e.key,
        trial: t.key,
        basis: Basis::Trial(Version::new(7)),
        state: State::Failed,
        at: at(6),
        message: "außer Speicher".to_owned(),
    };
    store.commit(&[enter], at(6)).await.unwrap();
    drop(store);
    let store = backend.open().await;
    let read = store.observations(t.key).await.unwrap();
    for (read, written) in read.iter().zip(&logged) {
        let (read_value, value) = (read.observation.value, written.observation.value);
        assert!(read_value.to_bits() == value.to_bits() || (read_value.is_nan() && value.is_nan()));
        assert_eq!(read.observation.epoch, written.observation.epoch);
        assert_eq!(read.decision, written.decision);
    }
    assert_eq!(read.len(), logged.len());
    let t = store.trial(e.key, "t").await.unwrap().unwrap();
    assert_eq!(
        (t.state, t.message.as_str()),
        (State::Failed, "außer Speicher")
    );
    assert_eq!((t.ended, t.version), (Some(at(6)), Version::new(8)));
}

pub(crate) async fn events_are_paged_in_order(backend: &Backend) {
    let store = backend.open().await;
    let (e, f) = (
        experiment(&*store, "e").await,
        experiment(&*store, "f").await,
    );
    let (t, u) = (trial(&*store, &e, "t").await, trial(&*store, &f, "u").await);
    let points = curve(3);
    let stop = Write::Observe {
        experiment: e.key,
        trial: t.key,
        basis: Basis::Trial(Version::new(2)),
        logged: Box::new(points[2].clone()),
        enters: Some((State::Stopped, at(8))),
    };
    let writes = [
        observe(&e, &t, 0, &points[0]),
        observe(&f, &u, 0, &points[0]),
        observe(&e, &t, 1, &points[1]),
        stop,
    ];
    let written = store.commit(&writes, at(9)).await.unwrap();
    let (mut after, mut told, mut last) = (Seq::START, Vec::new(), Seq::START);
    loop {
        let page = store.events(e.key, after, 2).await.unwrap();
        let Some(end) = page.last() else { break };
        after = end.seq;
        for event in page {
            assert!(event.seq > last);
            assert_eq!((event.key, event.trial.as_str()), (t.key, "t"));
            last = event.seq;
            told.push(match event.kind {
                EventKind::Observed(logged) => logged.observation.epoch.to_string(),
                EventKind::Entered(state) => state.as_str().to_owned(),
                EventKind::RolledBack(epoch) => format!("back to {epoch}"),
            });
        }
    }
    assert_eq!(told, ["running", "1", "2", "3", "stopped"]);
    assert_eq!(written[3], Written::At(last));
    let silent = experiment(&*store, "silent").await;
    let ends = store.ends(&[e.key, silent.key]).await.unwrap();
    assert_eq!(ends, [(e.key, last), (silent.key, Seq::START)]);
    let t = store.trial(e.key, "t").await.unwrap().unwrap();
    assert_eq!((t.state, t.ended), (State::Stopped, Some(at(8))));
}

pub(crate) async fn a_large_commit_is_one_commit(backend: &Backend) {
    let store = backend.open().await;
    let e = experiment(&*store, "e").await;
    let ids: Vec<_> = (0..7).map(|index| format!("t{index}")).collect();
    let creates: Vec<_> = ids.iter().map(|id| create(&e, id)).collect();
    store.commit(&creates, at(2)).await.unwrap();
    let trials = store.trials(e.key, TrialKey::FIRST, 10).await.unwrap();
    let points = curve(97);
    let mut writes = Vec::new();
    for (version, point) in (0..).zip(&points) {
        writes.extend(
            trials
                .iter()
                .map(|trial| observe(&e, trial, version, point)),
        );
    }
    let written = store.commit(&writes, at(3)).await.unwrap();
    let mut places = written.iter().map(|written| match written {
        Written::At(seq) => *seq,
        other => panic!("{other:?}"),
    });
    let mut last = places.next().unwrap();
    for place in places {
        assert!(place > last);
        last = place;
    }
    for trial in &trials {
        assert_eq!(store.observations(trial.key).await.unwrap(), points);
    }
}

pub(crate) async fn a_trial_that_enters_two_states_at_once_is_in_the_last(backend: &Backend) {
    let store = backend.open().await;
    let e = experiment(&*store, "e").await;
    let (t, u) = (trial(&*store, &e, "t").await, trial(&*store, &e, "u").await);
    let enter = |trial: &peng_store::Trial, version, state, message: &str| Write::Enter {
        experiment: e.key,
        trial: trial.key,
        basis: Basis::Trial(Version::new(version)),
        state,
        at: at(4),
        message: message.to_owned(),
    };
    let writes = [
        enter(&t, 0, State::Stopped, "first"),
        enter(&u, 0, State::Preempted, "a \"node\"\nleft"),
        enter(&t, 1, State::Failed, "second"),
    ];
    store.commit(&writes, at(4)).await.unwrap();
    let read = async |id| {
        let trial = store.trial(e.key, id).await.unwrap().unwrap();
        (trial.state, trial.message, trial.ended)
    };
    assert_eq!(
        read("t").await,
        (State::Failed, "second".to_owned(), Some(at(4)))
    );
    let left = "a \"node\"\nleft".to_owned();
    assert_eq!(read("u").await, (State::Preempted, left, Some(at(4))));
    let events = store.events(e.key, Seq::START, 10).await.unwrap();
    assert_eq!(events.len(), 5);
}

pub(crate) async fn a_clock_that_jumps_changes_no_order(backend: &Backend) {
    let store = backend.open().await;
    let e = experiment(&*store, "e").await;
    let t = trial(&*store, &e, "t").await;
    let points = curve(4);
    let long_ago = SystemTime::UNIX_EPOCH - Duration::from_secs(9);
    let times = [at(1 << 33), at(5), long_ago, at(7)];
    for ((version, point), time) in (0..).zip(&points).zip(times) {
        let write = observe(&e, &t, version, point);
        store.commit(&[write], time).await.unwrap();
    }
    assert_eq!(store.observations(t.key).await.unwrap(), points);
    let events = store.events(e.key, Seq::START, 10).await.unwrap();
    let told: Vec<_> = events[1..].iter().map(|event| event.at).collect();
    // A clock before 1970 reads as 1970.
    assert_eq!(told, [at(1 << 33), at(5), at(0), at(7)]);
    assert!(events.is_sorted_by(|one, next| one.seq < next.seq));
}
