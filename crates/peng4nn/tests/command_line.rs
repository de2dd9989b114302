//! The binary as a person or a script meets it: exit codes, what goes where.

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

const CURVES: &str = "\
curve_id,epoch,val_accuracy
a,1,40
a,2,60
a,3,70
a,4,75
a,5,77.5
a,6,78.75
b,2,nan
b,1,10
";

fn peng4nn(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peng4nn"));
    command.args(arguments).env_remove("RUST_LOG");
    command
}

fn run(arguments: &[&str]) -> Output {
    peng4nn(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn written(folder: &Path, name: &str, content: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    path.display().to_string()
}

#[test]
fn predict_prints_a_row_for_every_curve() {
    let folder = tempfile::tempdir().unwrap();
    let curves = written(folder.path(), "curves.csv", CURVES);
    let output = run(&["predict", "--curves", &curves, "--target", "10"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    let row = |name: &str| {
        table
            .lines()
            .find(|l| l.trim_start().starts_with(name))
            .unwrap()
    };
    // The curve halves its distance to 80 with every epoch: three predictions of
    // 80 - 40 * 2^-9 agree at epoch 5.
    assert!(
        row("a ").contains("79.92") && row("a ").contains("STOP"),
        "{table}"
    );
    assert!(
        row("b ").contains("STOP") && row("b ").contains("not a finite number"),
        "{table}"
    );
    assert!(table.ends_with("2 of 2 curves stop early\n"), "{table}");
}

#[test]
fn predict_writes_json_lines_and_nothing_else_to_standard_output() {
    let folder = tempfile::tempdir().unwrap();
    let curves = written(folder.path(), "curves.csv", CURVES);
    let output = run(&[
        "predict", "--curves", &curves, "--target", "10", "--format", "json",
    ]);
    let lines: Vec<serde_json::Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 8);
    assert_eq!(lines[3]["verdict"], "CONTINUE");
    assert_eq!(lines[4]["verdict"], "STOP");
    assert_eq!(lines[4]["reason"], "CONVERGED");
    assert_eq!(lines[4]["family"], "exp");
    assert!((lines[4]["prediction"].as_f64().unwrap() - 79.921_875).abs() < 1e-6);
    assert!(lines[7]["value"].is_null());
}

#[test]
fn what_cannot_be_right_is_exit_code_2_and_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let broken = written(
        folder.path(),
        "broken.csv",
        "curve_id,epoch,val_accuracy\na,1,x\n",
    );
    let toml = written(folder.path(), "peng4nn.toml", "port = 1\n");
    let out = folder.path().join("out").display().to_string();
    for (arguments, named) in [
        (
            &["predict", "--curves", &broken, "--target", "9"][..],
            "broken.csv:2: column 3",
        ),
        (
            &["predict", "--curves", "none.csv", "--target", "9"],
            "none.csv",
        ),
        (
            &["predict", "--curves", &broken, "--target", "-1"],
            "--target",
        ),
        (
            &[
                "predict", "--curves", &broken, "--target", "9", "--radius", "-1",
            ],
            "--radius",
        ),
        (&["serve", "--config", &toml], "unknown field `port`"),
        (&["search", "--workers", "1"], "--data DIR is missing"),
        (
            &[
                "search",
                "--workers",
                "0",
                "--out",
                &out,
                "--candidates",
                "0",
            ],
            "candidates is 0",
        ),
        (
            &["search", "--workers", "0", "--out", &out, "--epochs", "0"],
            "epochs",
        ),
        (
            &["search", "--workers", "0", "--out", &out, "--nodes", "99"],
            "nodes",
        ),
        (
            &[
                "search",
                "--workers",
                "0",
                "--out",
                &out,
                "--predictor",
                "no url",
            ],
            "`no url`",
        ),
        (&["health", "--endpoint", "no url"], "`no url`"),
        (
            &["evaluate", "--curves", "c.csv", "--plot", "c.png"],
            "must end in .svg",
        ),
        (&["nonsense"], "nonsense"),
    ] {
        let output = run(arguments);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(named), "{arguments:?}: {stderr}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let rows = (0..5_000).map(|curve| format!("{curve},1,50\n"));
    let rows: String = std::iter::once("curve_id,epoch,val_accuracy\n".to_owned())
        .chain(rows)
        .collect();
    let curves = written(folder.path(), "many.csv", &rows);
    let mut child = peng4nn(&[
        "predict",
        "--curves",
        &curves,
        "--target",
        "9",
        "--format=json",
    ])
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
}

/// Ends a process that a failed test would leave behind.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    /// The text after `before` in the first line of standard error that has it.
    fn says(&mut self, before: &str) -> String {
        let lines = BufReader::new(self.0.stderr.as_mut().unwrap()).lines();
        for line in lines.map_while(Result::ok) {
            if let Some((_, after)) = line.split_once(before) {
                let end = after.find(['"', ' ']).unwrap_or(after.len());
                return after[..end].to_owned();
            }
        }
        panic!("it ended without saying {before:?}");
    }

    fn signal(&self, name: &str) {
        let id = self.0.id().to_string();
        assert!(
            Command::new("kill")
                .args([name, &id])
                .status()
                .unwrap()
                .success()
        );
    }
}

#[test]
fn a_server_is_healthy_until_it_is_asked_to_leave() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("new/data").display().to_string();
    let child = peng4nn(&[
        "serve",
        "--listen=127.0.0.1:0",
        "--data",
        &data,
        "--log-format=json",
    ])
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    let mut server = Running(child);
    let address = server.says("\"address\":\"");
    let endpoint = format!("--endpoint=http://{address}");
    let service = "--service=peng4nn.v1.PredictionService";
    for (arguments, code) in [
        (&["health", &endpoint][..], 0),
        (&["health", &endpoint, service], 0),
        (&["health", &endpoint, "--service=none"], 1),
    ] {
        let asked = run(arguments);
        assert_eq!(asked.status.code(), Some(code), "{arguments:?}");
        let said = if code == 0 { "serving\n" } else { "" };
        assert_eq!(text(&asked.stdout), said, "{arguments:?}");
    }
    let second = run(&["serve", "--listen=127.0.0.1:0", "--data", &data]);
    assert_eq!(second.status.code(), Some(1));
    assert!(text(&second.stderr).contains("in use by another server"));
    server.signal("-TERM");
    assert_eq!(server.0.wait().unwrap().code(), Some(0));
    assert_eq!(run(&["health", &endpoint]).status.code(), Some(1));
}

#[test]
fn a_server_logs_otherwise_after_a_hang_up() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    let settings = written(folder.path(), "peng4nn.toml", "[log]\nfilter = 'info'");
    let child = peng4nn(&[
        "serve",
        "--listen=127.0.0.1:0",
        "--data",
        &data,
        "--config",
        &settings,
        "--log-format=json",
    ])
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    let mut server = Running(child);
    let address = server.says("\"address\":\"");
    written(
        folder.path(),
        "peng4nn.toml",
        "[log]\nfilter = 'peng_server=loud'",
    );
    server.signal("-HUP");
    server.says("the settings cannot be used");
    written(folder.path(), "peng4nn.toml", "[log]\nfilter = 'debug'");
    server.signal("-HUP");
    server.says("the log filter was read again");
    run(&["health", &format!("--endpoint=http://{address}")]);
    server.says("\"level\":\"DEBUG\"");
}

#[test]
fn a_server_that_others_would_reach_unsecured_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    let output = run(&["serve", "--listen=0.0.0.0:0", "--data", &data]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.contains("without TLS and authentication"), "{said}");
}

#[test]
fn what_a_server_is_secured_with_is_looked_at_before_its_database_is_waited_for() {
    let away = "--database=postgres://nobody@127.0.0.1:1/nas";
    for (wrong, named) in [
        ("--listen=0.0.0.0:0", "without TLS and authentication"),
        ("--tokens=none", "cannot tell who is calling"),
    ] {
        let output = run(&["serve", away, wrong]);
        assert_eq!(output.status.code(), Some(2));
        let said = text(&output.stderr);
        assert!(said.contains(named), "{said}");
    }
}

#[test]
fn a_search_that_is_interrupted_is_exit_code_130_and_goes_on_only_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().display().to_string();
    let arguments = ["search", "--workers=0", "--out", &out];
    let child = peng4nn(&arguments).stderr(Stdio::piped()).spawn().unwrap();
    let mut search = Running(child);
    let url = search.says("orchestrator at ");
    let service = "--service=peng4nn.v1.SearchService";
    let endpoint = format!("--endpoint={url}");
    assert_eq!(run(&["health", &endpoint, service]).status.code(), Some(0));
    search.signal("-INT");
    assert_eq!(search.0.wait().unwrap().code(), Some(130));
    let differs = run(&[&arguments[..], &["--seed=5"]].concat());
    assert_eq!(differs.status.code(), Some(2));
    assert!(text(&differs.stderr).contains("search.seed is 5, but the stored search has 0"));
    let fewer = run(&[&arguments[..], &["--candidates=15"]].concat());
    assert_eq!(fewer.status.code(), Some(2));
    assert!(text(&fewer.stderr).contains("give 16 or more to go on with it"));
}

#[test]
fn a_search_is_paused_from_elsewhere_until_it_is_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().display().to_string();
    let arguments = ["search", "--workers=0", "--candidates=4", "--population=2"];
    let start = || {
        let child = peng4nn(&[&arguments[..], &["--out", &out]].concat())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut search = Running(child);
        let endpoint = format!("--endpoint={}", search.says("orchestrator at "));
        (search, endpoint)
    };
    let (mut search, endpoint) = start();
    let said = |arguments: &[&str]| {
        let output = run(&[&["searches"], arguments, &[&endpoint]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let mut watch = Running(
        peng4nn(&["searches", "watch", &endpoint, "--format=json"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut watched = BufReader::new(watch.0.stdout.take().unwrap()).lines();
    let mut told = || -> serde_json::Value {
        serde_json::from_str(&watched.next().unwrap().unwrap()).unwrap()
    };
    assert_eq!(told()["state"], "RUNNING");
    assert_eq!(
        [told(), told()].map(|c| c["state"].clone()),
        ["PROPOSED"; 2]
    );

    let paused = "searches/search PAUSED: 0 of 4 candidates are settled\n";
    assert_eq!(said(&["pause"]), paused);
    assert_eq!(said(&["pause", "--name=search"]), paused);
    assert_eq!(told()["state"], "PAUSED");
    search.says("paused: ");
    assert!(said(&["list"]).contains("searches/search   PAUSED"));
    search.signal("-INT");
    assert_eq!(search.0.wait().unwrap().code(), Some(130));

    let (mut search, endpoint) = start();
    search.says("paused: ");
    let resumed = run(&["searches", "resume", &endpoint, "--format=json"]);
    let resumed: serde_json::Value = serde_json::from_slice(&resumed.stdout).unwrap();
    assert_eq!(resumed["state"], "RUNNING");
    search.says("resumed: ");
    let other = run(&["searches", "pause", "--name=other", &endpoint]);
    assert_eq!(other.status.code(), Some(1));
    let said = text(&other.stderr);
    assert!(said.contains("only `searches/search`"), "{said}");
}

#[test]
fn a_watch_of_a_search_ends_when_its_token_is_withdrawn() {
    let folder = tempfile::tempdir().unwrap();
    let [reader, admin] = ["read", "admin"].map(|right| {
        let scope = format!("{right}:experiments/*");
        let made = run(&["token", "new", "--scope", &scope]);
        let path = written(folder.path(), right, &text(&made.stdout));
        (format!("--token-file={path}"), text(&made.stderr))
    });
    let tokens = written(folder.path(), "tokens", &(reader.1 + &admin.1));
    let out = folder.path().display().to_string();
    let arguments = ["search", "--workers=0", "--listen=127.0.0.1:0", "--tokens"];
    let child = peng4nn(&[&arguments[..], &[&tokens, "--out", &out]].concat())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut search = Running(child);
    let endpoint = format!("--endpoint={}", search.says("orchestrator at "));
    let paused = |token: &str| run(&["searches", "pause", &endpoint, token]).status.code();
    assert_eq!(paused(&reader.0), Some(1), "it may only read");
    let watch = peng4nn(&["searches", "watch", &endpoint, &reader.0])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut watch = Running(watch);
    let mut first = String::new();
    let mut watched = BufReader::new(watch.0.stdout.take().unwrap());
    watched.read_line(&mut first).unwrap();
    assert!(first.starts_with("searches/search RUNNING"), "{first}");
    written(folder.path(), "tokens", &admin.1);
    let denied = || {
        !run(&["searches", "list", &endpoint, &reader.0])
            .status
            .success()
    };
    let since = std::time::Instant::now();
    while !denied() {
        assert!(since.elapsed().as_secs() < 20, "it is still let in");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert_eq!(paused(&admin.0), Some(0));
    for line in watched.lines().map_while(Result::ok) {
        assert!(!line.contains("PAUSED"), "it was still told");
    }
    assert_eq!(watch.0.wait().unwrap().code(), Some(1));
    watch.says("has expired or was withdrawn");
}
