//! The commands against a server that other machines may reach: TLS and tokens.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use crate::{
    bench::curves,
    harness::Process,
    search::{data, free_port},
};

fn peng4nn(folder: &Path, arguments: &str) -> Output {
    Command::new(Process::binary("peng4nn"))
        .args(arguments.split(' '))
        .current_dir(folder)
        .output()
        .unwrap()
}

/// Succeeds, or says so on standard error.
fn succeeds(folder: &Path, arguments: &str) -> String {
    let output = peng4nn(folder, arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// Fails with this code and says so.
fn fails(folder: &Path, arguments: &str, code: i32, said: &str) {
    let output = peng4nn(folder, arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments}: {error}");
    assert!(error.contains(said), "{arguments}: {error}");
}

/// A token of this scope, in a file of this name; added to the file `tokens`.
fn token(folder: &Path, scope: &str, name: &str) -> String {
    let made = peng4nn(folder, &format!("token new --scope {scope}"));
    assert!(made.status.success());
    fs::write(folder.join(name), &made.stdout).unwrap();
    let known = fs::read(folder.join("tokens")).unwrap_or_default();
    fs::write(folder.join("tokens"), [known, made.stderr].concat()).unwrap();
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}

/// The files `server.pem`, `server.key`, `tokens` and `token`; the token.
fn credentials(folder: &Path) -> String {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(folder.join("server.pem"), own.cert.pem()).unwrap();
    fs::write(folder.join("server.key"), own.signing_key.serialize_pem()).unwrap();
    token(folder, "admin:experiments/*", "token")
}

#[test]
fn every_command_that_calls_a_server_calls_a_secured_one() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let token = credentials(folder);
    let path = |name: &str| format!("{}/{name}", folder.display());
    let mut server = Process::start(
        "peng4nn",
        &[
            "serve",
            "--listen=0.0.0.0:0",
            &format!("--data={}", path("data")),
            &format!("--tls-certificate={}", path("server.pem")),
            &format!("--tls-key={}", path("server.key")),
            &format!("--tokens={}", path("tokens")),
        ],
    );
    let line = server.wait_for("listening");
    let port = line.trim_end().rsplit(':').next().unwrap();
    let endpoint = format!("--endpoint https://localhost:{port}");

    succeeds(folder, &format!("health {endpoint} --ca server.pem"));
    fails(folder, &format!("health {endpoint}"), 1, "certificate");
    let plain = format!("health --endpoint http://localhost:{port}");
    fails(folder, &plain, 1, "if the server is encrypted");

    let curves = curves(folder);
    let load = format!("bench {endpoint} --ca server.pem --curves {curves} --trials 5 --epochs 12");
    fails(folder, &load, 1, "the call has no token");
    let report = succeeds(folder, &format!("{load} --token-file token"));
    assert!(report.contains("5 ended"), "{report}");
    let elsewhere =
        format!("bench --endpoint http://192.0.2.1:1 --token-file token --curves {curves}");
    fails(folder, &elsewhere, 2, "a token is not sent");

    for line in server.said() {
        assert!(!line.contains(&token), "{line}");
    }
    assert_eq!(server.signal("TERM"), Some(0));
}

#[test]
fn an_encrypted_call_to_a_server_that_is_not_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    credentials(folder);
    let data = format!("--data={}", folder.join("data").display());
    let mut server = Process::start("peng4nn", &["serve", "--listen=0", &data]);
    let line = server.wait_for("listening");
    let port = line.trim_end().rsplit(':').next().unwrap();
    let encrypted = format!("health --endpoint https://localhost:{port} --ca server.pem");
    fails(folder, &encrypted, 1, "is reached by http://");
}

#[test]
fn workers_elsewhere_work_for_a_search_over_tls_with_a_token_that_may_report() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    credentials(folder);
    let secret = token(folder, "report:experiments/tls", "report");
    token(folder, "report:experiments/other", "other");
    let path = |name: &str| format!("{}/{name}", folder.display());
    let port = free_port();
    let mut server = Process::start(
        "peng4nn",
        &[
            "search",
            "--name=tls",
            "--workers=0",
            "--candidates=2",
            "--population=2",
            "--epochs=3",
            "--nodes=3",
            "--channels=4,8",
            "--train-images=600",
            "--validation-images=400",
            &format!("--listen=0.0.0.0:{port}"),
            &format!("--out={}", path("out")),
            &format!("--tls-certificate={}", path("server.pem")),
            &format!("--tls-key={}", path("server.key")),
            &format!("--tokens={}", path("tokens")),
        ],
    );
    server.wait_for("orchestrator at https://");
    let worker = |more: &[&str]| {
        let endpoint = format!("https://localhost:{port}");
        let data = data();
        let mut arguments = vec!["--orchestrator", &endpoint, "--data", &data];
        arguments.extend(["--device", "cpu", "--threads", "1", "--patience", "10"]);
        arguments.extend(more);
        Process::start("peng4nn-worker", &arguments)
    };
    let (ca, report, other) = (path("server.pem"), path("report"), path("other"));
    for (shown, said) in [
        (&["--ca", &ca][..], "no token"),
        (
            &["--ca", &ca, "--token-file", &other],
            "does not give `report`",
        ),
        (&["--token-file", &report], "certificate"),
    ] {
        let mut refused = worker(shown);
        assert_ne!(refused.wait(), Some(0));
        let heard = refused.said();
        assert!(heard.iter().any(|line| line.contains(said)), "{heard:?}");
    }
    let mut working = worker(&["--ca", &ca, "--token-file", &report]);
    assert_eq!(server.wait(), Some(0));
    assert_eq!(working.wait(), Some(0));
    let table = fs::read_to_string(folder.join("out/candidates.csv")).unwrap();
    assert_eq!(table.matches(",SUCCEEDED,").count(), 2, "{table}");
    for line in server.said().iter().chain(working.said()) {
        assert!(!line.contains(&secret), "{line}");
    }
}
