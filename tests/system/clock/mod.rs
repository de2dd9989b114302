//! A clock that leaps by a year, under load and across restarts.

use std::{
    ffi::OsStr,
    fs::{self, File},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

use peng_proto::v1;

use crate::harness::{
    InProcess, Process, another_trial, complete, full, observe, predictions, rising, trial,
};

const YEAR: i64 = 365 * 24 * 3_600;

/// A clock for servers to run by.
struct Clock {
    library: PathBuf,
    file: PathBuf,
}

impl Clock {
    fn new(folder: &Path) -> Self {
        let (source, library) = (folder.join("leap.c"), folder.join("leap.so"));
        fs::write(&source, include_str!("leap.c")).unwrap();
        let compiled = Command::new("cc")
            .args(["-O1", "-shared", "-fPIC", "-o"])
            .args([&library, &source])
            .status()
            .unwrap();
        assert!(compiled.success());
        let file = folder.join("leap");
        fs::write(&file, 0_i64.to_ne_bytes()).unwrap();
        Self { library, file }
    }

    /// From now on it shows so many seconds more than it should.
    fn set(&self, off: i64) {
        let file = File::options().write(true).open(&self.file).unwrap();
        file.write_all_at(&off.to_ne_bytes(), 0).unwrap();
    }

    fn serve(&self, data: &Path) -> (Process, String) {
        let binary = Process::binary("peng4nn");
        let serve = ["serve", "--listen", "127.0.0.1:0", "--retain-for", "90d"];
        let mut arguments = vec!["--preload".as_ref(), self.library.as_os_str()];
        arguments.push(binary.as_os_str());
        arguments.extend(serve.map(OsStr::new));
        arguments.extend(["--data".as_ref(), data.as_os_str()]);
        let environment = [("LEAP", &self.file)];
        let mut server = Process::start_within(&loader(), &arguments, &environment);
        let line = server.wait_for("listening");
        let port = line.rsplit(':').next().unwrap().trim();
        (server, format!("http://127.0.0.1:{port}"))
    }
}

/// The loader of programs, which is in this one, too.
fn loader() -> PathBuf {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let mut files = maps
        .lines()
        .filter_map(|line| line.find('/').map(|at| Path::new(&line[at..])));
    let is_loader = |file: &&Path| {
        let name = file.file_name().and_then(OsStr::to_str);
        name.is_some_and(|name| name.starts_with("ld-"))
    };
    files.find(is_loader).unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_leaps_loses_nothing_and_changes_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let (clock, data) = (Clock::new(folder.path()), folder.path().join("data"));
    let (mut server, endpoint) = clock.serve(&data);
    let mut leaping = predictions(&endpoint).await;
    let undisturbed = InProcess::start().await;
    let mut steady = undisturbed.client().await;
    let name = trial(&mut leaping, "e", 30.0).await;
    trial(&mut steady, "e", 30.0).await;
    let idle = trial(&mut leaping, "idle", 30.0).await;
    observe(&mut leaping, &idle, 1.0, 40.0).await.unwrap();

    for epoch in 1..=12 {
        match epoch {
            3 => clock.set(YEAR),
            5 => clock.set(-YEAR),
            7 | 9 | 11 => {
                // A year later, a year earlier, and set right.
                clock.set([YEAR, -YEAR, 0][(epoch - 7) / 2]);
                server.kill();
                let (again, endpoint) = clock.serve(&data);
                server = again;
                leaping = predictions(&endpoint).await;
            }
            _ => {}
        }
        let at = f64::from(u32::try_from(epoch).unwrap());
        let value = rising(75.0, u32::try_from(epoch).unwrap());
        let left = observe(&mut leaping, &name, at, value).await.unwrap();
        let right = observe(&mut steady, &name, at, value).await.unwrap();
        assert_eq!(left, right, "epoch {epoch}");
    }
    let (left, right) = (
        full(&mut leaping, &name).await,
        full(&mut steady, &name).await,
    );
    assert_eq!(left.observations, right.observations);
    // Nothing was logged in it for a year, as the clock had it for a while.
    assert_eq!(full(&mut leaping, &idle).await.observation_count, 1);
    // What ends in a year before its creation ended no sooner.
    clock.set(YEAR);
    let late = another_trial(&mut leaping, "e", "late").await;
    clock.set(-YEAR);
    complete(&mut leaping, &late, v1::TrialState::Succeeded).await;
    let late = full(&mut leaping, &late).await;
    let today = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let leapt = late.create_time.unwrap().seconds - i64::try_from(today.as_secs()).unwrap();
    assert!(
        leapt > YEAR / 2,
        "{leapt} s: it runs by the clock that leaps"
    );
    assert!(late.end_time.unwrap().seconds >= late.create_time.unwrap().seconds);
    assert_eq!(server.signal("TERM"), Some(0));
    undisturbed.stop().await;
}
