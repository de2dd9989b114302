//! The worker that the README shows, in Python against `proto/` alone.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

use crate::harness::Process;

const CANDIDATES: usize = 8;

/// The block of the README that begins so, less its fences.
fn block(readme: &str, language: &str, begin: &str) -> String {
    let fence = format!("```{language}\n");
    let blocks = readme.split(&fence).skip(1);
    let text = blocks
        .filter_map(|rest| rest.split("\n```").next())
        .find(|text| text.starts_with(begin));
    text.unwrap().to_owned()
}

fn python(arguments: &[&str], folder: &Path) -> Output {
    let python = std::env::var("PENG4NN_PYTHON")
        .expect("PENG4NN_PYTHON names a Python with tests/python/requirements.txt; `cargo xtask test` sets it");
    let mut command = Command::new(python);
    command
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn succeeded(output: &Output) {
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
}

#[test]
fn the_worker_of_the_readme_works_off_a_search() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("worker.py"), block(&readme, "python", "# worker.py")).unwrap();
    fs::write(
        path("space.json"),
        block(&readme, "json", "{\"parameters\""),
    )
    .unwrap();
    let proto = root.join("proto");
    let files: Vec<String> = fs::read_dir(proto.join("peng4nn/v1"))
        .unwrap()
        .map(|entry| entry.unwrap().path().to_str().unwrap().to_owned())
        .collect();
    let include = format!("-I{}", proto.display());
    let mut arguments = vec!["-m", "grpc_tools.protoc", &include];
    arguments.extend(["--python_out=.", "--grpc_python_out=."]);
    arguments.extend(files.iter().map(String::as_str));
    succeeded(&python(&arguments, folder.path()));

    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let listen = format!("127.0.0.1:{port}");
    let (space, out) = (path("space.json"), path("out"));
    let number = CANDIDATES.to_string();
    let mut server = Process::start(
        "peng4nn",
        &[
            "search",
            "--space",
            &space,
            "--policy",
            "peng4nn",
            "--mutation",
            "0.5",
            "--workers",
            "0",
            "--candidates",
            &number,
            "--population",
            "4",
            "--listen",
            &listen,
            "--out",
            &out,
        ],
    );
    let mut worked = None;
    for _ in 0..20 {
        let output = python(&["worker.py", &listen], folder.path());
        let refused = String::from_utf8_lossy(&output.stderr).contains("UNAVAILABLE");
        if !refused {
            worked = Some(output);
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(250));
    }
    succeeded(&worked.unwrap());
    assert_eq!(server.wait(), Some(0));

    let text = fs::read_to_string(Path::new(&out).join("search.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let candidates = document["candidates"].as_array().unwrap();
    assert_eq!(candidates.len(), CANDIDATES);
    for candidate in candidates {
        let genome: Value = serde_json::from_str(candidate["genome"].as_str().unwrap()).unwrap();
        assert_eq!(
            genome.get("momentum").is_some(),
            genome["optimizer"] == "sgd"
        );
        // Its accuracy halves what is left of this at every epoch, which is soon predicted.
        let layers = genome["layers"].as_f64().unwrap();
        let ceiling = 90.0 - 20.0 * (layers - 3.0).abs();
        let fitness = candidate["fitness"].as_f64().unwrap();
        assert_eq!(candidate["state"], "STOPPED");
        assert!((fitness - ceiling).abs() < 1.0, "{fitness} for {ceiling}");
    }
}
