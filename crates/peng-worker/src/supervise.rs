//! A worker with several slots runs each in a process of its own, so that one that crashes in
//! libtorch does not take the others with it.

use std::{
    env, io,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow};
use indicatif::ProgressBar;
use peng_client::Client;
use peng_worker::{lose, progress::Held};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, ChildStdin, Command},
    task::JoinSet,
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use crate::{BAD_INPUT, FAILED, logging, places::Place, screen::Screen, told::Told};

/// How often in a row a slot may crash.
const CRASHES: u32 = 5;
/// A slot that lived so long has not crashed in a row.
const LONG: Duration = Duration::from_mins(5);
/// Between a crash and the next start.
const PAUSE: Duration = Duration::from_secs(1);

/// An error and the exit code that it means.
type Failure = (anyhow::Error, u8);

/// Runs a process for each slot until all have ended, or have left once `leaving` is cancelled.
/// The others go on when one fails; its error comes last.
pub(crate) async fn run(
    places: &[Place],
    orchestrator: &Client,
    screen: &Screen,
    leaving: &CancellationToken,
) -> Result<(), Failure> {
    let program = env::current_exe().context("cannot tell which program this is");
    let program = program.map_err(|error| (error, FAILED))?;
    let mut slots = JoinSet::new();
    for (number, place) in (1..).zip(places) {
        let slot = Slot {
            program: program.clone(),
            number,
            name: place.name.clone(),
            orchestrator: orchestrator.clone(),
            screen: screen.clone(),
            line: screen.line(),
            leaving: leaving.clone(),
        };
        slots.spawn(slot.run());
    }
    let mut result = Ok(());
    while let Some(ended) = slots.join_next().await {
        let ended = ended.map_err(|error| (error.into(), FAILED)).flatten();
        if let Err((error, code)) = ended {
            let left = slots.len();
            tracing::error!(error = %format!("{error:#}"), left, "a slot has ended");
            result = result.and(Err((error, code)));
        }
    }
    result
}

/// One slot's process, and the one after it if it crashes.
struct Slot {
    program: PathBuf,
    /// From 1.
    number: usize,
    name: String,
    orchestrator: Client,
    screen: Screen,
    line: Option<ProgressBar>,
    leaving: CancellationToken,
}

impl Slot {
    async fn run(self) -> Result<(), Failure> {
        let mut crashes = 0;
        loop {
            let started = Instant::now();
            let (status, held) = self.once().await.map_err(|error| (error, FAILED))?;
            let Some(crash) = Self::crash(status)? else {
                return Ok(());
            };
            self.give_back(held, crash).await;
            if self.leaving.is_cancelled() {
                return Ok(());
            }
            crashes = if started.elapsed() >= LONG {
                1
            } else {
                crashes + 1
            };
            let name = &self.name;
            if crashes >= CRASHES {
                let error = anyhow!("{name} crashed {crashes} times in a row, the last by {crash}");
                return Err((error, FAILED));
            }
            tracing::error!(slot = name, %crash, "a slot crashed; starts it again");
            tokio::select! {
                () = self.leaving.cancelled() => return Ok(()),
                () = sleep(PAUSE) => {}
            }
        }
    }

    /// Gives back what a process had that crashed.
    async fn give_back(&self, held: Option<Held>, crash: ExitStatus) {
        let Some(held) = held else {
            return;
        };
        let reason = format!("the process of {} crashed by {crash}", self.name);
        let given_back = lose(&self.orchestrator, &held, &reason).await;
        if let Err(error) = given_back {
            let candidate = &held.candidate;
            tracing::warn!(%error, candidate, "not given back; it is lent again once its lease runs out");
        }
    }

    /// What a process crashed by. One that ended in order has said why.
    fn crash(status: ExitStatus) -> Result<Option<ExitStatus>, Failure> {
        const PANIC: i32 = 101;
        const INTERRUPTED: i32 = 130;
        match status.code() {
            Some(0 | INTERRUPTED) => Ok(None),
            Some(PANIC) | None => Ok(Some(status)),
            Some(code) => {
                let error = anyhow!("its process has ended with {status}; the log says why");
                let bad_input = code == i32::from(BAD_INPUT);
                Err((error, if bad_input { BAD_INPUT } else { FAILED }))
            }
        }
    }

    /// Runs one process to its end; returns what it had last.
    async fn once(&self) -> anyhow::Result<(ExitStatus, Option<Held>)> {
        let mut child = self.spawn().context("cannot start a slot's process")?;
        let input = child.stdin.take();
        let mut held = None;
        let progress = lines(child.stdout.take(), |line| {
            let Some(told) = Told::read(&line) else {
                return;
            };
            held = told.held;
            if let Some(bar) = &self.line {
                bar.set_message(told.shown);
            }
        });
        let log = lines(child.stderr.take(), |line| {
            // A terminal that is gone is no reason to end.
            let _ = self.screen.print(format!("{line}\n").as_bytes());
        });
        let ended = self.ended(&mut child, input);
        let (status, (), ()) = tokio::join!(ended, progress, log);
        Ok((status?, held))
    }

    fn spawn(&self) -> io::Result<Child> {
        let mut command = Command::new(&self.program);
        command
            .args(env::args_os().skip(1))
            .args(["--slot", &self.number.to_string()])
            // Its end asks the slot to leave, which is then so even if this process is killed.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        if self.screen.has_lines() {
            command.stderr(Stdio::piped());
            command.env("RUST_LOG", logging::filter(&self.screen));
        }
        command.spawn()
    }

    async fn ended(&self, child: &mut Child, input: Option<ChildStdin>) -> io::Result<ExitStatus> {
        tokio::select! {
            status = child.wait() => return status,
            () = self.leaving.cancelled() => drop(input),
        }
        child.wait().await
    }
}

/// Takes the lines of a stream, if there is one, to its end.
async fn lines(stream: Option<impl AsyncRead + Unpin>, mut take: impl FnMut(String)) {
    let Some(stream) = stream else {
        return;
    };
    // Whatever libtorch writes; a slot whose log nobody reads any more would fail.
    let mut lines = BufReader::new(stream).split(b'\n');
    // A stream that breaks has ended, too.
    while let Ok(Some(line)) = lines.next_segment().await {
        take(String::from_utf8_lossy(&line).into_owned());
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use clap::Parser;
    use peng_client::Options;

    use super::*;
    use crate::args::Args;

    /// How a slot ends whose program is a shell script, and how often that was started.
    async fn ends(script: &str) -> (Result<(), Failure>, usize) {
        let folder = tempfile::tempdir().unwrap();
        let (program, starts) = (folder.path().join("slot.sh"), folder.path().join("starts"));
        let text = format!("#!/bin/sh\necho start >> {}\n{script}\n", starts.display());
        fs::write(&program, text).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let args = ["peng4nn-worker", "--test=a.json", "--data=d"];
        let slot = Slot {
            program,
            number: 1,
            name: "w-1".to_owned(),
            orchestrator: Client::connect_lazy("http://127.0.0.1:1", Options::default()).unwrap(),
            screen: Screen::new(&Args::parse_from(args)),
            line: None,
            leaving: CancellationToken::new(),
        };
        let ended = slot.run().await;
        let starts = fs::read_to_string(starts).unwrap().lines().count();
        (ended, starts)
    }

    #[tokio::test]
    async fn a_slot_that_crashes_again_and_again_is_given_up() {
        let (ended, starts) = ends("kill -ABRT $$").await;
        let (error, code) = ended.unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("w-1 crashed 5 times in a row"), "{text}");
        assert!(text.contains("SIGABRT"), "{text}");
        assert_eq!((code, starts), (FAILED, 5));
    }

    #[tokio::test]
    async fn a_log_is_read_to_its_end_whatever_is_in_it() {
        let mut read = Vec::new();
        let log: &[u8] = b"\xff is no text\r\n\nready";
        lines(Some(log), |line| read.push(line)).await;
        assert_eq!(read, ["\u{fffd} is no text\r", "", "ready"]);
    }

    #[tokio::test]
    async fn a_slot_that_ends_in_order_is_not_started_again() {
        for (script, code) in [
            ("exit 2", Some(BAD_INPUT)),
            ("exit 1", Some(FAILED)),
            ("", None),
        ] {
            let (ended, starts) = ends(script).await;
            assert_eq!(ended.err().map(|(_, code)| code), code);
            assert_eq!(starts, 1);
        }
    }
}
