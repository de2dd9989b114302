//! A worker with two slots, each in a process of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use peng_search::{
    Candidate,
    candidate::{Ending, State},
};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use crate::{
    harness::{Service, config},
    process::{Process, start, write_images},
};

/// A worker whose two slots have a candidate each.
struct Pair {
    service: Service,
    worker: Process,
    folder: TempDir,
}

impl Pair {
    async fn start(epochs: u32, lease: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_images(folder.path());
        let mut config = config();
        config.settings.candidates = 4;
        config.settings.lease = lease;
        "fashion-mnist".clone_into(&mut config.training.dataset);
        config.training.epochs = epochs;
        config.training.train_images = 2_000;
        let service = Service::start(config).await;
        let log = log(folder.path());
        let worker = start(&service, folder.path(), &log, &["--slots", "2"]);
        let pair = Self {
            service,
            worker,
            folder,
        };
        while pair.log().matches("leased").count() < 2 {
            sleep(Duration::from_millis(5)).await;
        }
        pair
    }

    /// Waits until both candidates are proposed once more, and were not lost.
    async fn are_given_back(&self) {
        let is_given_back = |candidate: &Candidate| {
            let proposed = matches!(candidate.state, State::Proposed);
            proposed && candidate.attempt == 2 && candidate.losses == 0
        };
        let wait = async {
            loop {
                let candidates = self.service.snapshot().await.candidates;
                if candidates.iter().filter(|c| is_given_back(c)).count() == 2 {
                    return;
                }
                sleep(Duration::from_millis(5)).await;
            }
        };
        let given_back = timeout(Duration::from_mins(2), wait).await;
        assert!(given_back.is_ok(), "{}", self.log());
    }

    fn log(&self) -> String {
        fs::read_to_string(log(self.folder.path())).unwrap()
    }
}

fn log(folder: &Path) -> PathBuf {
    folder.join("worker.log")
}

/// The processes that a process has started.
fn children(process: u32) -> Vec<String> {
    let file = format!("/proc/{process}/task/{process}/children");
    let text = fs::read_to_string(file).unwrap();
    text.split_whitespace().map(str::to_owned).collect()
}

fn signal(signal: &str, process: &str) {
    let sent = Command::new("kill").args([signal, process]).status();
    assert!(sent.unwrap().success());
}

#[tokio::test]
async fn a_slot_that_crashes_is_started_again_and_the_other_trains_on() {
    // Nothing runs out within the test.
    let mut pair = Pair::start(4, Duration::from_hours(1)).await;
    let slots = children(pair.worker.0.id());
    assert_eq!(slots.len(), 2);
    // As libtorch ends a process that cannot go on.
    signal("-ABRT", &slots[0]);
    let ended = timeout(Duration::from_mins(10), pair.worker.ended()).await;
    let log = pair.log();
    assert!(ended.unwrap().success(), "{log}");
    assert_eq!(log.matches("a slot crashed").count(), 1, "{log}");
    assert!(log.contains("SIGABRT"), "{log}");
    // Both slots, and the one that was started again.
    assert_eq!(log.matches("ready").count(), 3, "{log}");

    let candidates = pair.service.snapshot().await.candidates;
    let lost: Vec<_> = candidates.iter().filter(|c| c.losses > 0).collect();
    assert_eq!(lost.len(), 1, "{log}");
    assert_eq!((lost[0].losses, lost[0].attempt), (1, 2), "{log}");
    for candidate in &candidates {
        let ending = candidate.outcome().unwrap().ending;
        let trained = matches!(ending, Ending::Succeeded | Ending::Stopped);
        assert!(trained, "{log}");
    }
}

#[tokio::test]
async fn slots_leave_with_their_worker_and_give_their_candidates_back() {
    let mut pair = Pair::start(100, Duration::from_secs(8)).await;
    // As `timeout` sends it, to a process and to its group.
    let worker = pair.worker.0.id().to_string();
    let sent = Command::new("kill")
        .args(["-TERM", &worker, &worker])
        .status();
    assert!(sent.unwrap().success());
    let ended = timeout(Duration::from_mins(5), pair.worker.ended()).await;
    assert!(ended.unwrap().success(), "{}", pair.log());
    pair.are_given_back().await;
}

#[tokio::test]
async fn slots_whose_worker_is_killed_leave_too() {
    let mut pair = Pair::start(100, Duration::from_secs(8)).await;
    pair.worker.0.kill().unwrap();
    pair.are_given_back().await;
}
