use std::time::{Duration, Instant};

use peng_client::v1::TrialState;
use peng_predict::Mode;
use peng_search::candidate::{Ending, State};
use peng_worker::{
    Error,
    train::{Closing, Failure},
};

use crate::harness::{EPOCHS, Service, Synthetic, Working, config};

const FAST: Duration = Duration::from_millis(2);

#[tokio::test]
async fn a_search_is_worked_off_and_verdicts_are_obeyed() {
    let service = Service::start(config()).await;
    let trainer = Synthetic::mixed(FAST);
    Working::start(service.worker(2, &trainer))
        .end()
        .await
        .unwrap();
    for candidate in service.snapshot().await.candidates {
        let outcome = candidate.outcome().unwrap();
        let trial = format!("{}-1", candidate.id);
        let epochs = trainer.epochs(&trial).len();
        let observed = service.trial(&trial).await.observation_count;
        if candidate.id.to_string().ends_with(['1', '3', '5']) {
            assert_eq!(outcome.ending, Ending::Stopped);
            assert!(epochs < EPOCHS as usize, "{epochs}");
            let predicted = outcome.predicted.unwrap();
            assert!((predicted - 90.0).abs() < 0.5, "{predicted}");
        } else {
            assert_eq!(outcome.ending, Ending::Succeeded);
            assert_eq!(epochs, EPOCHS as usize);
            assert_eq!(outcome.measured, Some(76.0));
        }
        assert_eq!(observed as usize, epochs);
        let closing = trainer.closing(&trial);
        assert_eq!(closing, Some(Closing::Settled { trained: true }));
    }
}

#[tokio::test]
async fn advice_is_no_order() {
    let mut config = config();
    config.mode = Mode::Advise;
    let service = Service::start(config).await;
    let trainer = Synthetic::mixed(FAST);
    Working::start(service.worker(2, &trainer))
        .end()
        .await
        .unwrap();
    let candidates = service.snapshot().await.candidates;
    for candidate in &candidates {
        let outcome = candidate.outcome().unwrap();
        assert_eq!(outcome.ending, Ending::Succeeded);
        let trial = format!("{}-1", candidate.id);
        assert_eq!(trainer.epochs(&trial).len(), EPOCHS as usize);
    }
    assert!(candidates[0].outcome().unwrap().predicted.is_some());
}

#[tokio::test]
async fn a_worker_that_leaves_gives_its_candidates_back() {
    let service = Service::start(config()).await;
    let trainer = Synthetic::mixed(Duration::from_millis(200));
    let working = Working::start(service.worker(2, &trainer));
    trainer.reaches(2).await;
    let told = Instant::now();
    working.leaving.cancel();
    working.end().await.unwrap();
    assert!(told.elapsed() < Duration::from_secs(2));
    let snapshot = service.snapshot().await;
    let given_back = snapshot.candidates.iter().take(2);
    for candidate in given_back {
        assert_eq!(candidate.state, State::Proposed);
        assert_eq!(candidate.attempt, 2);
    }
    service.orchestrator.drain().await;
    let trial = service.trial("c0001-1").await;
    assert_eq!(trial.state(), TrialState::Preempted);
    assert_eq!(trial.message, "the worker leaves");
    assert_eq!(trainer.closing("c0001-1"), Some(Closing::Save));
}

#[tokio::test]
async fn a_candidate_that_fails_does_not_end_the_worker() {
    let service = Service::start(config()).await;
    let trainer = Synthetic::new(FAST, |assignment, epoch| {
        match (assignment.candidate.id.as_str(), epoch) {
            ("c0002", 3) => Err(Failure::Candidate("out of memory".into())),
            ("c0004", 2) => panic!("a defect of the training"),
            _ => Ok(f64::from(50 + epoch)),
        }
    });
    Working::start(service.worker(1, &trainer))
        .end()
        .await
        .unwrap();
    let candidates = service.snapshot().await.candidates;
    for (number, reason, epochs) in [(2, "out of memory", 2), (4, "a defect", 1)] {
        let outcome = candidates[number - 1].outcome().unwrap();
        assert_eq!(outcome.ending, Ending::Failed);
        assert!(outcome.reason.contains(reason), "{}", outcome.reason);
        assert_eq!(outcome.epochs.to_bits(), f64::from(epochs).to_bits());
    }
    let closing = Some(Closing::Settled { trained: false });
    assert_eq!(trainer.closing("c0002-1"), closing);
    let succeeded = |c: &&peng_search::Candidate| c.outcome().unwrap().ending == Ending::Succeeded;
    assert_eq!(candidates.iter().filter(succeeded).count(), 4);
}

#[tokio::test]
async fn a_slot_that_cannot_work_on_does_not_end_the_others() {
    let service = Service::start(config()).await;
    let broken = Synthetic::new(FAST, |_, _| {
        Err(Failure::Worker("its device is gone".into()))
    });
    let sound = Synthetic::mixed(FAST);
    let mut worker = service.worker(2, &sound);
    worker.slots[0].trainer = broken;
    let error = Working::start(worker).end().await.unwrap_err();
    assert!(matches!(error, Error::Training { .. }), "{error:?}");
    let candidates = service.snapshot().await.candidates;
    assert!(candidates.iter().all(|c| c.outcome().is_some()));
}

#[tokio::test]
async fn a_diverged_training_is_reported_and_never_ranks() {
    for (mode, ending) in [
        (Mode::Enforce, Ending::Stopped),
        (Mode::Advise, Ending::Failed),
    ] {
        let mut config = config();
        config.mode = mode;
        config.settings.candidates = 1;
        let service = Service::start(config).await;
        let trainer = Synthetic::new(FAST, |_, epoch| {
            Ok(if epoch == 2 { f64::NAN } else { 50.0 })
        });
        Working::start(service.worker(1, &trainer))
            .end()
            .await
            .unwrap();
        let candidates = service.snapshot().await.candidates;
        let outcome = candidates[0].outcome().unwrap();
        assert_eq!(outcome.ending, ending);
        assert_eq!(outcome.fitness(), None);
        let trial = service.trial("c0001-1").await;
        assert!(trial.last_observation.unwrap().value.is_nan());
        assert_eq!(trainer.epochs("c0001-1"), [1, 2]);
    }
}

#[tokio::test]
async fn a_worker_that_cannot_train_gives_the_candidate_back_and_ends() {
    let service = Service::start(config()).await;
    let trainer = Synthetic::new(FAST, |_, _| {
        Err(Failure::Worker("it has no such data set".into()))
    });
    let ended = Working::start(service.worker(1, &trainer)).end().await;
    let error = ended.unwrap_err();
    assert!(matches!(error, Error::Training { .. }), "{error:?}");
    assert!(error.to_string().contains("c0001"), "{error}");
    let snapshot = service.snapshot().await;
    assert_eq!(snapshot.candidates[0].state, State::Proposed);
}
