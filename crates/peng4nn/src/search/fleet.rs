//! The workers that are started here.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    pin::Pin,
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow, bail, ensure};
use tokio::{
    process::{Child, ChildStdin, Command},
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{exit::Failure, secure::ConnectArgs};

/// How often in a row a worker that ended by an error is started again.
const RESTARTS: u32 = 3;
/// A worker that lived so long has not ended in a row.
const LONG: Duration = Duration::from_mins(5);
/// Between its end and its next start.
const PAUSE: Duration = Duration::from_secs(1);
/// For a worker to give its candidate back.
const GRACE: Duration = Duration::from_secs(15);
/// The lines of its log that are shown when a worker fails.
const LAST_LINES: usize = 8;

/// What to start.
#[derive(Debug, Clone)]
pub(crate) struct Workers {
    /// How many.
    pub(crate) count: u32,
    /// The program; none means the one beside this program.
    pub(crate) program: Option<PathBuf>,
    /// The folder of the data set.
    pub(crate) data: PathBuf,
    /// `auto`, `cpu` or `cuda:N`.
    pub(crate) device: String,
    /// Threads of each.
    pub(crate) threads: u32,
    /// The folder of their logs, checkpoints and networks.
    pub(crate) logs: PathBuf,
    /// Whether the search can go on without them, by workers from elsewhere.
    pub(crate) can_be_replaced: bool,
    /// What they show to a prediction server that runs elsewhere.
    pub(crate) connect: ConnectArgs,
    /// The collector of their spans.
    pub(crate) otlp_endpoint: Option<String>,
}

/// The workers, running.
pub(super) struct Fleet {
    tasks: JoinSet<()>,
    stop: CancellationToken,
    /// Why each that is gone is gone.
    gone: watch::Receiver<Vec<String>>,
    count: usize,
    can_be_replaced: bool,
}

impl Fleet {
    /// Starts all workers. What one has that ends by an error is taken back before it is started
    /// again.
    pub(super) fn start(
        workers: &Workers,
        orchestrator: &str,
        take_back: &TakeBack,
    ) -> Result<Self, Failure> {
        let program = program(workers).map_err(Failure::Input)?;
        fs::create_dir_all(&workers.logs)
            .with_context(|| format!("cannot make the folder {}", workers.logs.display()))?;
        let stop = CancellationToken::new();
        let (leave, gone) = watch::channel(Vec::new());
        let mut tasks = JoinSet::new();
        for number in 1..=workers.count {
            let worker = Worker {
                name: format!("worker-{number}"),
                program: program.clone(),
                orchestrator: orchestrator.to_owned(),
                workers: workers.clone(),
                take_back: take_back.clone(),
            };
            let (leave, stop) = (leave.clone(), stop.clone());
            tasks.spawn(async move {
                let why = match worker.run(&stop).await {
                    Ok(()) => format!("{} left", worker.name),
                    Err(error) => format!("{error:#}"),
                };
                leave.send_modify(|gone| gone.push(why));
            });
        }
        Ok(Self {
            tasks,
            stop,
            gone,
            count: workers.count as usize,
            can_be_replaced: workers.can_be_replaced || workers.count == 0,
        })
    }

    /// Completes with the reason when no worker is left that could finish the search.
    pub(super) async fn lost(&self) -> anyhow::Error {
        if self.can_be_replaced {
            return std::future::pending().await;
        }
        let mut gone = self.gone.clone();
        let all = gone.wait_for(|gone| gone.len() >= self.count).await;
        let why = all.map(|gone| gone.join("\n")).unwrap_or_default();
        // The last candidate's outcome is settled before its worker leaves.
        sleep(PAUSE).await;
        anyhow!("no worker is left:\n{why}")
    }

    /// Asks all workers to leave and waits until they have.
    pub(super) async fn stop(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Takes back what the worker of that name had, for that reason.
pub(super) type TakeBack =
    Arc<dyn Fn(String, String) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// The worker's program.
fn program(workers: &Workers) -> anyhow::Result<PathBuf> {
    let (program, remedy) = match &workers.program {
        Some(program) => (program.clone(), "name another by --worker-bin"),
        None => (
            std::env::current_exe()?.with_file_name("peng4nn-worker"),
            "build it with `cargo xtask demo`, or name another by --worker-bin",
        ),
    };
    let there = workers.count == 0 || program.is_file();
    ensure!(
        there,
        "there is no worker at {}: {remedy}",
        program.display()
    );
    Ok(program)
}

struct Worker {
    name: String,
    program: PathBuf,
    orchestrator: String,
    workers: Workers,
    take_back: TakeBack,
}

impl Worker {
    /// Runs until the search is finished or `stop`; starts again after a crash.
    async fn run(&self, stop: &CancellationToken) -> anyhow::Result<()> {
        let log = self.workers.logs.join(format!("{}.log", self.name));
        let mut errors = 0;
        loop {
            let started = Instant::now();
            let mut child = self.spawn(&log)?;
            let held = child.stdin.take();
            let status = tokio::select! {
                status = child.wait() => status?,
                () = stop.cancelled() => return leave(child, held).await,
            };
            if status.success() || stop.is_cancelled() {
                return Ok(());
            }
            tracing::warn!(worker = self.name, %status, "a worker ended by an error");
            let reason = format!("{} ended with {status}", self.name);
            (self.take_back)(self.name.clone(), reason).await;
            errors = if started.elapsed() < LONG {
                errors + 1
            } else {
                1
            };
            // What it was given cannot be right: it would end so again.
            if errors > RESTARTS || status.code() == Some(2) {
                bail!("{}", self.describe(status, &log));
            }
            sleep(PAUSE).await;
        }
    }

    fn spawn(&self, log: &Path) -> anyhow::Result<Child> {
        let open = || File::options().create(true).append(true).open(log);
        let file = open().with_context(|| format!("cannot write the log {}", log.display()))?;
        // In a group of its own, so that Ctrl-C reaches this process alone, and with a pipe
        // whose end asks it to leave, so that it leaves even when this process is killed.
        let mut command = Command::new(&self.program);
        for (flag, file) in self.workers.connect.flags() {
            command.arg(flag).arg(file);
        }
        if let Some(endpoint) = &self.workers.otlp_endpoint {
            command.args(["--otlp-endpoint", endpoint]);
        }
        command
            .args(["--orchestrator", &self.orchestrator, "--name", &self.name])
            .arg("--data")
            .arg(&self.workers.data)
            .args(["--devices", &self.workers.device])
            .args(["--threads", &self.workers.threads.to_string()])
            .arg("--checkpoints")
            .arg(self.workers.logs.join("checkpoints"))
            .arg("--networks")
            .arg(self.workers.logs.join("networks"))
            .arg("--leave-on-eof")
            .stdin(Stdio::piped())
            .stdout(file.try_clone()?)
            .stderr(file)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", self.program.display()))
    }

    fn describe(&self, status: ExitStatus, log: &Path) -> String {
        let text = fs::read_to_string(log).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        let last = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n  ");
        let (name, log) = (&self.name, log.display());
        format!("{name} ended with {status}; the end of {log}:\n  {last}")
    }
}

/// Asks a worker to give its candidate back and leave; ends it when it does not.
async fn leave(mut child: Child, held: Option<ChildStdin>) -> anyhow::Result<()> {
    drop(held);
    if timeout(GRACE, child.wait()).await.is_err() {
        child.kill().await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
