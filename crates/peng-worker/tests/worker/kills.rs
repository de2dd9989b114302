//! Real workers that are killed at any moment, with checkpoints on.

use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use peng_client::v1;
use peng_orchestrator::Config;
use peng_search::candidate::{Outcome, State};
use tokio::time::{sleep, timeout};

use crate::harness::{Service, config};

const IMAGES: u32 = 3_000;

/// Four files in the format of Fashion-MNIST: noise, brighter in the rows of the class.
fn write_images(folder: &Path) {
    let mut noise = 1_u32;
    let mut pixel = |bright: bool| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 25) as u8 + if bright { 60 } else { 0 }
    };
    let labels: Vec<u8> = (0..IMAGES).map(|n| (n % 10) as u8).collect();
    let mut images = Vec::new();
    for &label in &labels {
        for row in 0..28 {
            images.extend((0..28).map(|_| pixel(row / 3 == label)));
        }
    }
    let head = |kind: u8, sizes: &[u32]| {
        let sizes = sizes.iter().flat_map(|size| size.to_be_bytes());
        [0, 0, 8, kind]
            .into_iter()
            .chain(sizes)
            .collect::<Vec<u8>>()
    };
    for part in ["train", "t10k"] {
        let file = |kind: &str| folder.join(format!("{part}-{kind}-ubyte"));
        let bytes = [head(3, &[IMAGES, 28, 28]), images.clone()].concat();
        fs::write(file("images-idx3"), bytes).unwrap();
        let bytes = [head(1, &[IMAGES]), labels.clone()].concat();
        fs::write(file("labels-idx1"), bytes).unwrap();
    }
}

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

/// A worker process that writes to a log.
fn start(service: &Service, folder: &Path, log: &Path) -> Process {
    let log = File::options().create(true).append(true).open(log).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_peng4nn-worker"))
        .args(["--orchestrator", &format!("http://{}", service.address)])
        .arg("--data")
        .arg(folder)
        .arg("--checkpoints")
        .arg(folder.join("checkpoints"))
        .args(["--checkpoint-every", "0.1", "--unchecked-data"])
        .args(["--devices", "cpu", "--threads", "1"])
        .stdin(Stdio::null())
        .stderr(log)
        .spawn();
    Process(child.unwrap())
}

/// A process that is killed when it is dropped.
struct Process(Child);

impl Process {
    async fn ended(&mut self) {
        while self.0.try_wait().unwrap().is_none() {
            sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Epoch and value of every observation of each candidate's last trial, and how it was settled.
async fn results(service: &Service) -> Vec<(Vec<(u64, u64)>, Outcome)> {
    let mut results = Vec::new();
    for candidate in service.snapshot().await.candidates {
        let State::Settled(outcome) = candidate.state else {
            panic!("{} is not settled", candidate.id);
        };
        let trial = format!("{}-{}", candidate.id, candidate.attempt);
        let observations = service.trial(&trial).await.observations.into_iter();
        let key = |o: v1::Observation| (o.epoch.to_bits(), o.value.to_bits());
        let stream = observations.filter_map(|o| o.observation).map(key);
        results.push((stream.collect(), outcome));
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
    let mut worker = start(&service, folder.path(), &log);
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
            let mut worker = start(&service, folder.path(), &log);
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
                worker.0.wait().unwrap();
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
