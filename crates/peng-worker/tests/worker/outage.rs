use std::{sync::Arc, time::Duration};

use peng_client::Options;
use peng_predict::Mode;
use peng_store::Sqlite;
use tokio::time::{sleep, timeout};

use crate::harness::{EPOCHS, Service, Synthetic, Working, config};

#[tokio::test]
async fn training_goes_on_while_the_server_is_away_and_nothing_is_lost() {
    let mut config = config();
    config.settings.candidates = 1;
    let store = Arc::new(Sqlite::in_memory().await.unwrap());
    let anywhere = ([127, 0, 0, 1], 0).into();
    let service = Service::start_at(anywhere, config.clone(), store.clone()).await;
    let trainer = Synthetic::new(Duration::from_millis(100), |_, epoch| {
        Ok(40.0 + 3.0 * f64::from(epoch))
    });
    let working = Working::start(service.worker(1, &trainer));
    trainer.reaches(2).await;
    let address = service.address;
    service.stop().await;
    let before = trainer.epochs("c0001-1").len();
    sleep(Duration::from_millis(800)).await;
    let meanwhile = trainer.epochs("c0001-1").len() - before;
    assert!(meanwhile >= 2, "{meanwhile} epochs");

    let service = Service::start_at(address, config, store).await;
    working.end().await.unwrap();
    let trial = service.trial("c0001-1").await;
    let observed = trial.observations.iter().filter_map(|o| o.observation);
    let expected = (1..=EPOCHS).map(|epoch| (f64::from(epoch), 40.0 + 3.0 * f64::from(epoch)));
    assert_eq!(
        observed.map(|o| (o.epoch, o.value)).collect::<Vec<_>>(),
        expected.collect::<Vec<_>>()
    );
    let outcome = service.snapshot().await.candidates[0].outcome().cloned();
    assert_eq!(outcome.unwrap().measured, Some(76.0));
}

#[tokio::test]
async fn a_training_outlasts_any_patience_and_any_window() {
    const MANY: u32 = 1_500;
    let mut config = config();
    config.settings.candidates = 1;
    config.training.epochs = MANY;
    config.mode = Mode::Advise;
    let store = Arc::new(Sqlite::in_memory().await.unwrap());
    let anywhere = ([127, 0, 0, 1], 0).into();
    let service = Service::start_at(anywhere, config.clone(), store.clone()).await;
    // The last epochs are slow, so that the patience is over while one is trained.
    let trainer = Synthetic::new(Duration::ZERO, |_, epoch| {
        let pace = if epoch > MANY - 5 { 600 } else { 1 };
        std::thread::sleep(Duration::from_millis(pace));
        Ok(f64::from(epoch % 90))
    });
    let mut worker = service.worker(1, &trainer);
    worker.verdict_wait = Duration::ZERO;
    worker.orchestrator = worker.orchestrator.with_options(Options {
        patience: Duration::from_millis(300),
        ..Options::default()
    });
    let working = Working::start(worker);
    trainer.reaches(2).await;
    let address = service.address;
    service.stop().await;
    let reached = trainer.reaches(MANY as usize);
    timeout(Duration::from_secs(30), reached).await.unwrap();
    // Nothing is left to train, and the patience is over once more.
    sleep(Duration::from_millis(900)).await;

    let service = Service::start_at(address, config, store).await;
    working.end().await.unwrap();
    let trial = service.trial("c0001-1").await;
    let observed = trial.observations.iter().filter_map(|o| o.observation);
    let epochs = observed.map(|o| o.epoch).collect::<Vec<_>>();
    assert_eq!(epochs, (1..=MANY).map(f64::from).collect::<Vec<_>>());
}
