//! A worker whose memory some of the networks do not fit into.

use std::{fs, process::Command, time::Duration};

use peng_search::{
    candidate::Ending,
    macro_space::Input,
    sequential::{Limits, Space},
};
use tokio::time::timeout;

use crate::{
    harness::{Service, config},
    process::{WORKER, start_by, write_images},
};

/// Address space of the worker in KiB: half as much again as it has at rest.
const ROOM: u32 = 800_000;

#[tokio::test]
async fn networks_that_do_not_fit_into_memory_fail_and_the_worker_lives_on() {
    let folder = tempfile::tempdir().unwrap();
    write_images(folder.path());
    let mut config = config();
    config.settings.candidates = 8;
    let input = Input {
        channels: 1,
        height: 28,
        width: 28,
    };
    // From a thousand weights to a thousand million.
    let limits = Limits {
        layers: (1, 1),
        filters: vec![2, 256],
        strides: vec![1],
        dense: (1, 1),
        units: vec![4, 128, 4_096],
        ..Limits::default()
    };
    config.settings.space = Space::new(limits, input, 10).unwrap().into();
    "fashion-mnist".clone_into(&mut config.training.dataset);
    config.training.epochs = 1;
    config.training.train_images = 300;
    config.training.validation_images = 100;
    let service = Service::start(config).await;
    let log = folder.path().join("worker.log");
    let mut shell = Command::new("sh");
    let script = format!("ulimit -v {ROOM}; exec \"$0\" \"$@\"");
    shell.args(["-c", &script, WORKER]);
    let mut worker = start_by(shell, &service, folder.path(), &log, &[]);
    let ended = timeout(Duration::from_mins(10), worker.ended()).await;
    let log = fs::read_to_string(&log).unwrap();
    assert!(ended.unwrap().success(), "{log}");
    assert_eq!(log.matches("ready").count(), 1, "{log}");

    let mut reasons = Vec::new();
    let candidates = service.snapshot().await.candidates;
    for candidate in &candidates {
        let outcome = candidate.outcome().unwrap();
        assert_eq!(candidate.losses, 0);
        if outcome.ending == Ending::Failed {
            reasons.push(outcome.reason.as_str());
        }
    }
    println!("{reasons:#?}");
    assert!(reasons.len() < candidates.len(), "{log}");
    assert!(reasons.iter().all(|reason| !reason.contains('\n')));
    let some = |text| reasons.iter().any(|reason| reason.contains(text));
    // One by its weights, one while it is trained.
    assert!(some("there is no memory for a layer of"));
    assert!(some("can't allocate memory"));
}
