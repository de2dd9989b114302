use std::time::Duration;

use peng_client::v1::{CandidateState, CompleteCandidateRequest};
use peng_search::candidate::Ending;
use peng_worker::train::Closing;

use crate::harness::{EPOCHS, Service, Synthetic, Working, config};

#[tokio::test]
async fn a_training_longer_than_its_lease_keeps_it() {
    let mut config = config();
    config.settings.candidates = 1;
    config.settings.lease = Duration::from_millis(600);
    let service = Service::start(config).await;
    let trainer = Synthetic::new(Duration::from_millis(200), |_, epoch| {
        Ok(40.0 + 3.0 * f64::from(epoch))
    });
    Working::start(service.worker(1, &trainer))
        .end()
        .await
        .unwrap();
    let candidates = service.snapshot().await.candidates;
    assert_eq!(candidates[0].attempt, 1);
    assert_eq!(candidates[0].outcome().unwrap().ending, Ending::Succeeded);
}

#[tokio::test]
async fn a_candidate_whose_lease_is_lost_is_dropped_and_leased_again() {
    let mut config = config();
    config.settings.candidates = 1;
    config.settings.lease = Duration::from_millis(600);
    let service = Service::start(config).await;
    let trainer = Synthetic::new(Duration::from_millis(100), |_, epoch| {
        Ok(40.0 + 3.0 * f64::from(epoch))
    });
    let working = Working::start(service.worker(1, &trainer));
    trainer.reaches(1).await;
    // Someone else takes the candidate away.
    let candidate = service.snapshot().await.candidates.remove(0);
    let request = CompleteCandidateRequest {
        candidate: "searches/demo/candidates/c0001".to_owned(),
        lease_token: candidate.lease().unwrap().token.clone(),
        state: CandidateState::Preempted.into(),
        outcome: None,
    };
    service.client.complete_candidate(request).await.unwrap();
    working.end().await.unwrap();
    let candidate = service.snapshot().await.candidates.remove(0);
    assert_eq!(candidate.attempt, 2);
    assert_eq!(candidate.outcome().unwrap().ending, Ending::Succeeded);
    let first = trainer.epochs("c0001-1").len();
    assert!(first < EPOCHS as usize, "{first} epochs");
    assert_eq!(trainer.closing("c0001-1"), Some(Closing::Leave));
    assert_eq!(trainer.epochs("c0001-2").len(), EPOCHS as usize);
}
