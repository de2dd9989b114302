//! The project's own binaries as processes.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

/// The folder that cargo builds binaries into, two above this test.
fn beside() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    tests.ancestors().nth(2).unwrap().to_owned()
}

/// A process that is killed when it is dropped. What it writes to standard error
/// can be waited for.
pub(crate) struct Process {
    child: Child,
    lines: mpsc::Receiver<String>,
    seen: Vec<String>,
}

impl Process {
    /// A binary of this build.
    pub(crate) fn binary(name: &str) -> PathBuf {
        let folder = std::env::var_os("PENG4NN_BIN_DIR").map_or_else(beside, PathBuf::from);
        let path = folder.join(name);
        assert!(
            path.exists(),
            "{} is not built; `cargo xtask test` builds it",
            path.display()
        );
        path
    }

    /// Starts a binary of this build.
    pub(crate) fn start(name: &str, arguments: &[&str]) -> Self {
        Self::start_program(&Self::binary(name), arguments)
    }

    /// Starts any program.
    pub(crate) fn start_program(program: &Path, arguments: &[impl AsRef<OsStr>]) -> Self {
        Self::start_within(program, arguments, &[])
    }

    /// Starts any program with more in its environment.
    pub(crate) fn start_within(
        program: &Path,
        arguments: &[impl AsRef<OsStr>],
        environment: &[(&str, &PathBuf)],
    ) -> Self {
        let mut child = Command::new(program)
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = child.stderr.take().unwrap();
        let (send, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        Self {
            child,
            lines,
            seen: Vec::new(),
        }
    }

    /// Waits for a line with `text` and returns it.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(Duration::from_mins(1));
            let line = line.unwrap_or_else(|error| {
                panic!(
                    "no line with `{text}` ({error}) among:\n{}",
                    self.seen.join("\n")
                )
            });
            self.seen.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Its exit code, if it has ended by itself.
    pub(crate) fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// The lines so far, all of them once it has ended.
    pub(crate) fn said(&mut self) -> &[String] {
        if self.ended().is_some() {
            self.seen.extend(self.lines.iter());
        } else {
            self.seen.extend(self.lines.try_iter());
        }
        &self.seen
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL: no chance to tidy up.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Its exit code, once it ends by itself.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// SIGTERM or SIGINT, and its exit code.
    pub(crate) fn signal(&mut self, signal: &str) -> Option<i32> {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill")
            .args(["-s", signal, &pid])
            .status()
            .unwrap();
        assert!(sent.success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
