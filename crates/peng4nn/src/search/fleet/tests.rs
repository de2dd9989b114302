use std::{os::unix::fs::PermissionsExt, sync::Mutex};

use tempfile::TempDir;

use super::*;

/// Workers that run a shell script instead of training.
fn scripted(script: &str, count: u32) -> (TempDir, Workers) {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("worker.sh");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let workers = Workers {
        count,
        program: Some(program),
        data: folder.path().join("data"),
        device: "cpu".to_owned(),
        threads: 1,
        logs: folder.path().join("logs"),
        can_be_replaced: false,
        connect: ConnectArgs::default(),
        otlp_endpoint: None,
    };
    (folder, workers)
}

/// The workers, and what was taken back from each and why.
fn start(workers: &Workers) -> (Fleet, Arc<Mutex<Vec<[String; 2]>>>) {
    let taken: Arc<Mutex<Vec<_>>> = Arc::default();
    let told = taken.clone();
    let take_back: TakeBack = Arc::new(move |worker, reason| {
        told.lock().unwrap().push([worker, reason]);
        Box::pin(std::future::ready(()))
    });
    let fleet = Fleet::start(workers, "http://127.0.0.1:1", &take_back).unwrap();
    (fleet, taken)
}

fn log(folder: &TempDir, worker: u32) -> String {
    let path = folder.path().join(format!("logs/worker-{worker}.log"));
    fs::read_to_string(path).unwrap_or_default()
}

#[tokio::test]
async fn workers_are_told_what_they_need_and_leave_when_asked() {
    let (folder, workers) = scripted("echo \"$@\"; cat; echo gave back", 2);
    let (fleet, _) = start(&workers);
    while log(&folder, 1).is_empty() || log(&folder, 2).is_empty() {
        sleep(Duration::from_millis(10)).await;
    }
    let began = Instant::now();
    fleet.stop().await;
    assert!(began.elapsed() < GRACE);
    let data = workers.data.display();
    let told = format!("--orchestrator http://127.0.0.1:1 --name worker-2 --data {data}");
    let text = log(&folder, 2);
    assert!(
        text.starts_with(&told) && text.ends_with("gave back\n"),
        "{text}"
    );
}

#[tokio::test]
async fn a_worker_that_crashes_is_started_again_and_then_given_up_with_its_log() {
    let (folder, workers) = scripted("echo out of memory; exit 1", 1);
    let (fleet, taken) = start(&workers);
    let error = fleet.lost().await.to_string();
    assert!(
        error.contains("worker-1 ended with exit status: 1"),
        "{error}"
    );
    assert!(error.contains("out of memory"), "{error}");
    assert_eq!(log(&folder, 1).lines().count(), 1 + RESTARTS as usize);
    fleet.stop().await;
    let each = ["worker-1", "worker-1 ended with exit status: 1"].map(str::to_owned);
    assert_eq!(*taken.lock().unwrap(), vec![each; 1 + RESTARTS as usize]);
}

#[tokio::test]
async fn a_worker_that_cannot_be_right_is_not_started_again() {
    let (folder, workers) = scripted("echo no such data set; exit 2", 1);
    let (fleet, _) = start(&workers);
    let error = fleet.lost().await.to_string();
    assert!(error.contains("no such data set"), "{error}");
    assert_eq!(log(&folder, 1).lines().count(), 1);
    fleet.stop().await;
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let (_folder, mut workers) = scripted("", 1);
    workers.program = Some(PathBuf::from("no/such/worker"));
    let take_back: TakeBack = Arc::new(|_, _| Box::pin(std::future::ready(())));
    let failure = Fleet::start(&workers, "http://127.0.0.1:1", &take_back);
    let failure = failure.err().unwrap();
    assert!(failure.to_string().contains("no/such/worker"), "{failure}");
}
