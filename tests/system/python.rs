//! Any gRPC client can use the service: Python, with stubs made from `proto/`.

use std::{path::Path, process::Command};

use crate::harness::InProcess;

#[tokio::test(flavor = "multi_thread")]
async fn a_python_client_drives_a_trial_to_its_stop() {
    let python = std::env::var("PENG4NN_PYTHON")
        .expect("PENG4NN_PYTHON names a Python with tests/python/requirements.txt; `cargo xtask test` sets it");
    let server = InProcess::start().await;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned();
    let endpoint = server.endpoint.trim_start_matches("http://").to_owned();
    let output = tokio::task::spawn_blocking(move || {
        Command::new(python)
            .arg(root.join("tests/python/drive_trial.py"))
            .args(["--endpoint", &endpoint, "--proto"])
            .arg(root.join("proto"))
            .output()
            .unwrap()
    });
    let output = output.await.unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let services: Vec<_> = told["services"].as_array().unwrap().iter().collect();
    assert!(
        services
            .iter()
            .any(|name| *name == "peng4nn.v1.PredictionService")
    );
    assert!(services.iter().any(|name| *name == "grpc.health.v1.Health"));
    assert_eq!(told["state"], "TRIAL_STATE_STOPPED");
    assert_eq!(told["reason"], "REASON_CONVERGED");
    let stop = told["stop_epoch"].as_f64().unwrap();
    assert!((5.0..=12.0).contains(&stop), "stopped at {stop}");
    assert!((told["fitness"].as_f64().unwrap() - 80.0).abs() < 1.0);
    assert_eq!(told["refused"]["code"], "INVALID_ARGUMENT");
    server.stop().await;
}
