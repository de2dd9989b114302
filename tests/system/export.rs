//! `peng4nn export` reads the log beside its server, and `evaluate` reads what it wrote.

use std::process::{Command, Output};

use peng4nn_tests::postgres;
use serde_json::Value;

use crate::harness::{InProcess, Process, another_trial, observe, rising, trial};

fn peng4nn(arguments: &[&str]) -> Output {
    Command::new(Process::binary("peng4nn"))
        .args(arguments)
        .output()
        .unwrap()
}

fn text(output: &Output) -> &str {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    std::str::from_utf8(&output.stdout).unwrap()
}

async fn report(server: &InProcess) {
    let mut client = server.client().await;
    trial(&mut client, "e", 20.0).await;
    for number in 0..3 {
        let name = another_trial(&mut client, "e", &format!("n{number}")).await;
        for epoch in 1..=6 {
            let value = rising(50.0 + f64::from(number), epoch);
            let value = if number == 2 && epoch == 6 {
                f64::NAN
            } else {
                value
            };
            observe(&mut client, &name, f64::from(epoch), value)
                .await
                .unwrap();
        }
    }
}

/// Of the store that these flags name.
fn exported_is_what_was_reported(store: [&str; 2]) {
    let export = ["export", store[0], store[1], "--experiment", "e"];
    let output = peng4nn(&export);
    let rows: Vec<_> = text(&output).lines().collect();
    assert_eq!(rows.len(), 1 + 3 * 6);
    assert!(rows[0].starts_with("curve_id,epoch,val_accuracy,verdict,reason,"));
    assert!(rows[1].starts_with("n0,1,30,CONTINUE,TOO_FEW_OBSERVATIONS,,,,"));
    assert!(rows.iter().any(|row| row.contains(",STOP,CONVERGED,")));
    assert!(rows.iter().any(|row| row.starts_with("n2,6,NaN,")));

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("e.csv");
    let file = file.to_str().unwrap();
    text(&peng4nn(&[&export[..], &["--output", file]].concat()));
    let evaluated = peng4nn(&["evaluate", "--curves", file, "--format", "json"]);
    let evaluated: Value = serde_json::from_str(text(&evaluated)).unwrap();
    assert_eq!(evaluated["curves"], 3, "{evaluated}");

    let output = peng4nn(&[&export[..], &["--format", "jsonl"]].concat());
    let lines: Vec<Value> = text(&output)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |key: &str| lines.iter().filter(|line| !line[key].is_null()).count();
    assert_eq!((of("decision"), of("value")), (3 * 6, 3 * 6 - 1));
    assert_eq!(lines[0]["state"], "running");
    assert!(lines.iter().any(|line| line["state"] == "stopped"));

    let before = std::fs::read(file).unwrap();
    for more in [&[][..], &["--output", file]] {
        let missing = ["export", store[0], store[1], "--experiment", "f"];
        let missing = peng4nn(&[&missing[..], more].concat());
        assert_eq!(missing.status.code(), Some(2));
        assert!(missing.stdout.is_empty());
        assert!(String::from_utf8_lossy(&missing.stderr).contains("there is no experiment `f`"));
    }
    assert_eq!(
        std::fs::read(file).unwrap(),
        before,
        "nothing is written over"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_exported_beside_its_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = InProcess::in_folder(folder.path()).await;
    report(&server).await;
    let data = folder.path().to_str().unwrap().to_owned();
    let exported = move || exported_is_what_was_reported(["--data", &data]);
    tokio::task::spawn_blocking(exported).await.unwrap();
    server.stop().await;
    let empty = tempfile::tempdir().unwrap();
    let empty = empty.path().to_str().unwrap();
    let output = peng4nn(&["export", "--data", empty, "--experiment", "e"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot read"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_exported_beside_its_servers() {
    let Some(url) = postgres::database().await else {
        return;
    };
    let server = InProcess::on_postgres(&url).await;
    report(&server).await;
    let exported = move || exported_is_what_was_reported(["--database", &url]);
    tokio::task::spawn_blocking(exported).await.unwrap();
    server.stop().await;
}
