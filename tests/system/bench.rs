//! `peng4nn bench` measures what it says, and leaves trials that have ended.

use std::{fmt::Write as _, fs, path::Path, process::Command};

use peng_proto::v1;
use serde_json::Value;

use crate::harness::{InProcess, Process, rising};

/// Curves that settle, of 12 epochs each.
pub(crate) fn curves(folder: &Path) -> String {
    let mut text = "curve_id,epoch,val_accuracy\n".to_owned();
    for curve in 0..3 {
        for epoch in 1..=12 {
            let value = rising(60.0 + 10.0 * f64::from(curve), epoch);
            writeln!(text, "c{curve},{epoch},{value}").unwrap();
        }
    }
    let path = folder.join("curves.csv");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

async fn bench(server: &InProcess, more: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(Process::binary("peng4nn"));
    command
        .args(["bench", "--endpoint", &server.endpoint, "--format", "json"])
        .args(["--curves", &curves(folder.path()), "--trials", "40"])
        .args(["--epochs", "12"])
        .args(more);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = output.await.unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// At an easy rate a STOP is there long before the next observation, of which the window would allow
/// seven more.
#[tokio::test(flavor = "multi_thread")]
async fn answers_are_read_while_nothing_is_due() {
    let server = InProcess::start().await;
    let report = bench(
        &server,
        &["--streams", "4", "--window", "8", "--rate", "100"],
    )
    .await;
    let count = |key: &str| report[key].as_u64().unwrap();
    assert_eq!((count("trials"), count("stopped")), (40, 40), "{report}");
    assert!(count("after_stop") < 40, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_load_a_server_ends_all_trials() {
    let server = InProcess::start().await;
    let ways: [&[&str]; 4] = [
        &["--streams", "7", "--window", "3"],
        &["--streams", "7", "--rate", "5000"],
        &["--unary", "--in-flight", "5"],
        &["--unary", "--policy", "patience:observations=50"],
    ];
    for way in ways {
        let report = bench(&server, way).await;
        let count = |key: &str| report[key].as_u64().unwrap();
        let pairs = count("pairs");
        assert_eq!(count("trials"), 40, "{way:?}: {report}");
        assert!(report["latency_ms"]["p99"].as_f64().unwrap() > 0.0);
        if way.contains(&"--policy") {
            assert_eq!((count("stopped"), pairs), (0, 40 * 12), "{report}");
        } else {
            assert_eq!(count("stopped"), 40, "{way:?}: {report}");
            assert!(pairs - count("after_stop") < 40 * 12, "{way:?}: {report}");
        }
    }
    let mut client = server.client().await;
    let experiments = client
        .list_experiments(v1::ListExperimentsRequest::default())
        .await
        .unwrap()
        .into_inner()
        .experiments;
    assert_eq!(experiments.len(), ways.len());
    for experiment in experiments {
        let request = v1::ListTrialsRequest {
            parent: experiment.name,
            ..v1::ListTrialsRequest::default()
        };
        let trials = client
            .list_trials(request)
            .await
            .unwrap()
            .into_inner()
            .trials;
        assert_eq!(trials.len(), 40);
        for trial in trials {
            let ends = [v1::TrialState::Stopped, v1::TrialState::Succeeded];
            assert!(ends.contains(&trial.state()), "{trial:?}");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_echo_is_measured_beside() {
    let server = InProcess::start().await;
    let report = bench(&server, &["--unary", "--echo"]).await;
    assert!(report["echo_calls_per_second"].as_f64().unwrap() > 0.0);
    server.stop().await;
}
