//! Real workers that are killed at any moment, with checkpoints on.

use std::{fs, process::Command, time::Duration};

use peng_client::v1;
use peng_orchestrator::Config;
use peng_search::candidate::{Outcome, State};
use tokio::time::timeout;

use crate::{
    harness::{Service, config},
    process::{start, write_images},
};

/// Between looks at the log.
const POLL: Duration = Duration::from_millis(20);

const CHECKPOINTS: [&str; 2] = ["--checkpoint-every", "0.1"];

/// Two candidates that take a second or two each, measured twice in each epoch.
fn short() -> Config {
    let mut config = config();
    config.settings.candidates = 2;
    config.settings.attempts = u32::MAX;
    config.settings.lease = Duration::from_secs(2);
    "fashion-mnist".clone_into(&mut config.training.dataset);
    config.training.epochs = 5;
    config.training.train_images = 2_000;
    config.training.validation_images = 1_000;
    config.training.method.validations_per_epoch = 2;
    config.training.method.shift = 1;
    config
}

/// Epoch and value of every observation of each candidate's trial, which is one for all of its
/// attempts, and how it was settled.
async fn results(service: &Service) -> Vec<(Vec<(u64, u64)>, Outcome)> {
    let mut results = Vec::new();
    let candidates = service.snapshot().await.candidates;
    let request = v1::ListTrialsRequest {
        parent: "experiments/demo".to_owned(),
        ..v1::ListTrialsRequest::default()
    };
    let trials = service.client.list_trials(request).await.unwrap().trials;
    assert_eq!(trials.len(), candidates.len(), "one trial each: {trials:?}");
    for candidate in candidates {
        let State::Settled(outcome) = candidate.state else {
            panic!("{} is not settled", candidate.id);
        };
        let trial = service.trial(&format!("{}-1", candidate.id)).await;
        let observations = trial.observations.into_iter();
        let key = |o: v1::Observation| (o.epoch.to_bits(), o.value.to_bits());
        let stream: Vec<_> = observations
            .filter_map(|o| o.observation)
            .map(key)
            .collect();
        let every_half = (1..=stream.len()).map(|half| (0.5 * half as f64).to_bits());
        assert!(
            stream.iter().map(|(epoch, _)| *epoch).eq(every_half),
            "{stream:?}"
        );
        results.push((stream, outcome));
    }
    results
}

#[tokio::test]
async fn a_worker_killed_at_any_moment_leaves_a_candidate_that_ends_as_it_would_have() {
    let folder = tempfile::tempdir().unwrap();
    write_images(folder.path());
    let kills: u64 = std::env::var("PENG4NN_KILLS").map_or(3, |kills| kills.parse().unwrap());

    let service = Service::start(short()).await;
    let log = folder.path().join("steady.log");
    let mut worker = start(&service, folder.path(), &log, &CHECKPOINTS);
    let steady = timeout(Duration::from_mins(5), worker.ended()).await;
    assert!(steady.is_ok(), "{}", fs::read_to_string(&log).unwrap());
    let undisturbed = results(&service).await;
    service.stop().await;

    let log = folder.path().join("killed.log");
    let mut killed = 0;
    let mut moment = 1_u64;
    while killed < kills {
        let service = Service::start(short()).await;
        loop {
            let measured = || {
                let log = fs::read_to_string(&log).unwrap_or_default();
                log.matches("goes on epoch=").count()
            };
            let before = measured();
            let mut worker = start(&service, folder.path(), &log, &CHECKPOINTS);
            // Every other one has come to where something is saved, however busy the machine.
            while killed % 2 == 1
                && measured() == before
                && timeout(POLL, worker.ended()).await.is_err()
            {}
            moment = moment
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let wait = Duration::from_millis(400 + (moment >> 33) % 1_200);
            if killed < kills && timeout(wait, worker.ended()).await.is_err() {
                killed += 1;
                if killed % 3 == 0 {
                    // Asked to leave; the second time it does so at once.
                    let id = worker.0.id().to_string();
                    Command::new("kill").args(["-TERM", &id]).status().unwrap();
                } else {
                    worker.0.kill().unwrap();
                }
                // The server goes on meanwhile: the candidate may be given back.
                worker.ended().await;
                continue;
            }
            let ended = timeout(Duration::from_mins(5), worker.ended()).await;
            assert!(ended.is_ok(), "{}", fs::read_to_string(&log).unwrap());
            break;
        }
        assert_eq!(results(&service).await, undisturbed);
        service.stop().await;
    }
    let log = fs::read_to_string(&log).unwrap();
    let resumed = log.matches("goes on from a checkpoint").count();
    println!("{killed} workers killed, {resumed} trainings gone on with");
    assert!(resumed > 0, "{log}");
    let left = fs::read_dir(folder.path().join("checkpoints/demo")).unwrap();
    assert_eq!(left.count(), 0, "no checkpoint is left behind");
}
