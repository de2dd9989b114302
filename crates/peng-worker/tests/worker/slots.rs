//! A worker with two slots, one of which crashes.

use std::{fs, process::Command, time::Duration};

use peng_search::candidate::{Ending, State};
use tokio::time::{sleep, timeout};

use crate::{
    harness::{Service, config},
    process::{start, write_images},
};

/// The processes that a process has started.
fn children(process: u32) -> Vec<String> {
    let file = format!("/proc/{process}/task/{process}/children");
    let text = fs::read_to_string(file).unwrap();
    text.split_whitespace().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_slot_that_crashes_is_started_again_and_the_other_trains_on() {
    let folder = tempfile::tempdir().unwrap();
    write_images(folder.path());
    let mut config = config();
    config.settings.candidates = 4;
    config.settings.lease = Duration::from_secs(5);
    "fashion-mnist".clone_into(&mut config.training.dataset);
    config.training.epochs = 4;
    config.training.train_images = 2_000;
    let service = Service::start(config).await;
    let log = folder.path().join("worker.log");
    let mut worker = start(&service, folder.path(), &log, &["--slots", "2"]);

    let leased = |candidate: &peng_search::Candidate| matches!(candidate.state, State::Leased(_));
    while service
        .snapshot()
        .await
        .candidates
        .iter()
        .filter(|c| leased(c))
        .count()
        < 2
    {
        sleep(Duration::from_millis(5)).await;
    }
    let slots = children(worker.0.id());
    assert_eq!(slots.len(), 2);
    let killed = Command::new("kill").args(["-ABRT", &slots[0]]).status();
    assert!(killed.unwrap().success());
    let ended = timeout(Duration::from_mins(10), worker.ended()).await;
    let log = fs::read_to_string(&log).unwrap();
    assert!(ended.unwrap().success(), "{log}");
    assert_eq!(log.matches("a slot crashed").count(), 1, "{log}");
    assert!(log.contains("SIGABRT"), "{log}");
    // Both slots, and the one that was started again.
    assert_eq!(log.matches("ready").count(), 3, "{log}");

    let candidates = service.snapshot().await.candidates;
    let lost: Vec<_> = candidates.iter().filter(|c| c.losses > 0).collect();
    assert_eq!(lost.len(), 1, "{log}");
    for candidate in &candidates {
        let ending = candidate.outcome().unwrap().ending;
        assert!(
            matches!(ending, Ending::Succeeded | Ending::Stopped),
            "{log}"
        );
    }
}
