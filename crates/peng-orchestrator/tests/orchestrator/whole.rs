//! A search from its first candidate to its last.

use std::collections::HashMap;

use peng_orchestrator::progress::Kind;
use peng_predict::Mode;
use peng_proto::v1;
use peng_search::candidate::Ending;

use crate::harness::{EPOCHS, Running, config, finish, search};

#[tokio::test(flavor = "multi_thread")]
async fn every_candidate_is_settled_once_and_verdicts_save_epochs() {
    let store = std::sync::Arc::new(peng_store::Sqlite::in_memory().await.unwrap());
    let running = Running::start(config(), store).await;
    let mut events = running.orchestrator.subscribe();
    finish(&running).await;

    let snapshot = running.orchestrator.snapshot().await.unwrap();
    assert_eq!(
        (snapshot.summary.progress.settled, snapshot.candidates.len()),
        (8, 8)
    );
    let ended = |ending| {
        let outcomes = snapshot
            .candidates
            .iter()
            .filter_map(|candidate| candidate.outcome());
        outcomes.filter(|outcome| outcome.ending == ending).count()
    };
    let (stopped, succeeded) = (ended(Ending::Stopped), ended(Ending::Succeeded));
    assert_eq!(stopped + succeeded, 8);
    assert!(
        stopped >= 2 && succeeded >= 1,
        "{stopped} stopped, {succeeded} succeeded"
    );
    for candidate in &snapshot.candidates {
        let outcome = candidate.outcome().unwrap();
        match outcome.ending {
            Ending::Stopped => assert_eq!(outcome.stop_epoch, Some(outcome.epochs)),
            _ => assert_eq!(outcome.epochs, f64::from(EPOCHS)),
        }
        let trial = running.trial(&format!("{}-1", candidate.id)).await;
        let logged = trial.last_observation.unwrap();
        assert_eq!(Some(logged.value), outcome.measured);
    }

    let mut settled = HashMap::new();
    while let Ok(event) = events.try_recv() {
        if matches!(event.kind, Kind::Settled(_)) {
            *settled.entry(event.candidate).or_insert(0) += 1;
        }
    }
    assert_eq!(settled.len(), 8);
    assert!(settled.values().all(|&times| times == 1), "{settled:?}");

    let request = v1::GetSearchRequest::default();
    let told = running
        .client
        .get_search(request)
        .await
        .unwrap()
        .search
        .unwrap();
    assert_eq!(told.state(), v1::SearchState::Finished);
    assert_eq!((told.settled_count, told.epochs_full), (8, 96.0));
    assert!(told.epochs_trained < told.epochs_full);
    assert_eq!(told.pareto_front.len(), snapshot.summary.front.len());
    let fittest = format!(
        "searches/demo/candidates/{}",
        snapshot.summary.front.last().unwrap()
    );
    assert_eq!(told.pareto_front[0], fittest);

    running.orchestrator.drain().await;
    for candidate in &snapshot.candidates {
        let trial = running.trial(&format!("{}-1", candidate.id)).await;
        assert_eq!(trial.fitness, candidate.fitness());
        let schedule = trial.schedule.unwrap();
        let cosine = v1::rate_schedule::Shape::Cosine(v1::CosineRate {});
        assert_eq!(schedule.shape, Some(cosine), "as it was trained");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn advice_makes_the_same_choices_as_enforcement() {
    let enforced = search(config())
        .await
        .orchestrator
        .snapshot()
        .await
        .unwrap();
    let mut advise = config();
    advise.mode = Mode::Advise;
    let advised = search(advise).await.orchestrator.snapshot().await.unwrap();

    let choices = |snapshot: &peng_orchestrator::progress::Snapshot| {
        let chosen = snapshot.candidates.iter();
        let chosen = chosen.map(|candidate| (candidate.genome.to_string(), candidate.fitness()));
        chosen.collect::<Vec<_>>()
    };
    assert_eq!(choices(&enforced), choices(&advised));
    assert_eq!(enforced.summary.front, advised.summary.front);
    assert_eq!(advised.summary.epochs.trained, advised.summary.epochs.full);
    assert_eq!(
        advised.summary.epochs.obeyed,
        enforced.summary.epochs.trained
    );
    assert_eq!(
        advised.summary.epochs.saved(),
        enforced.summary.epochs.saved()
    );
    assert!(
        enforced.summary.epochs.saved() > 0.1,
        "{:?}",
        enforced.summary.epochs
    );
    let stop_of = |candidate: &peng_search::Candidate| {
        let outcome = candidate.outcome().unwrap();
        (outcome.stop_epoch, outcome.predicted)
    };
    for (enforced, advised) in enforced.candidates.iter().zip(&advised.candidates) {
        assert_eq!(stop_of(enforced), stop_of(advised));
        assert_eq!(advised.outcome().unwrap().ending, Ending::Succeeded);
    }
}
