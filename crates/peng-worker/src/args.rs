//! The command line.

use std::{num::NonZeroUsize, path::PathBuf, thread};

use clap::{Parser, ValueEnum};
use peng_nets::device::Choice;

const EXAMPLES: &str = "\
Examples:
  Work for a search on this machine, on the first GPU or else the CPU:
    peng4nn-worker --orchestrator http://127.0.0.1:50052 --data ~/fashion-mnist

  Two candidates at a time, each on one core:
    peng4nn-worker --orchestrator http://127.0.0.1:50052 --data ~/fashion-mnist \\
      --device cpu --slots 2 --threads 1

Environment:
  RUST_LOG  what is logged, for example debug [default: info]

Exit codes:
  0    the search is finished, or SIGTERM came and every candidate is given back
  1    the work cannot go on, for example because the orchestrator is away for too long
  2    the arguments or the data set cannot be right
  130  interrupted by Ctrl-C; every candidate is given back";

/// Trains the candidates of a search: leases one, trains it epoch by epoch, reports every accuracy
/// and stops when the prediction server says so.
#[derive(Debug, Parser)]
#[command(name = "peng4nn-worker", version, max_term_width = 100, after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// The search's address, http://host:port
    #[arg(long, value_name = "URL", env = "PENG4NN_ORCHESTRATOR")]
    pub(crate) orchestrator: String,

    /// The folder with the data set's files
    #[arg(long, value_name = "DIR", env = "PENG4NN_DATA")]
    pub(crate) data: PathBuf,

    /// The worker's name, for people [default: host and process]
    #[arg(long, value_parser = name)]
    pub(crate) name: Option<String>,

    /// Where to train: auto, cpu or cuda:N
    #[arg(long, default_value = "auto")]
    pub(crate) device: Choice,

    /// How many candidates to train at the same time
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) slots: NonZeroUsize,

    /// CPU threads of each slot [default: the cores divided among the slots]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,

    /// How long a server may be away before the worker gives up; training goes on meanwhile and
    /// no observation is lost
    #[arg(long, value_name = "SECONDS", default_value = "600")]
    pub(crate) patience: u64,

    /// Leave, as by SIGTERM, once standard input ends: a program that starts workers and holds a
    /// pipe to each leaves none behind, even if it is killed
    #[arg(long)]
    pub(crate) leave_on_eof: bool,

    /// Leave after one candidate a slot
    #[arg(long)]
    pub(crate) once: bool,

    /// How a log line is written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,
}

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

impl Args {
    /// The name, or one that tells this process from others.
    pub(crate) fn name(&self) -> String {
        self.name.clone().unwrap_or_else(|| {
            let host = std::fs::read_to_string("/proc/sys/kernel/hostname");
            let host: String = host
                .as_deref()
                .map_or("worker", str::trim)
                .chars()
                .take(60)
                .collect();
            format!("{host}-{}", std::process::id())
        })
    }

    /// CPU threads of each slot.
    pub(crate) fn threads(&self) -> usize {
        self.threads.map_or_else(
            || {
                let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
                (cores / self.slots).max(1)
            },
            NonZeroUsize::get,
        )
    }
}

fn name(text: &str) -> Result<String, String> {
    const MOST: usize = 90;
    match text.chars().count() {
        1..=MOST if !text.chars().any(char::is_control) => Ok(text.to_owned()),
        _ => Err(format!("it must be 1 to {MOST} characters of one line")),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(more: &[&str]) -> Result<Args, clap::Error> {
        let given = [
            "peng4nn-worker",
            "--orchestrator=http://localhost:1",
            "--data=d",
        ];
        Args::try_parse_from(given.iter().chain(more))
    }

    #[test]
    fn the_definition_holds() {
        Args::command().debug_assert();
    }

    #[test]
    fn threads_are_divided_among_slots() {
        assert_eq!(parse(&["--slots=100000"]).unwrap().threads(), 1);
        assert_eq!(parse(&["--slots=2", "--threads=3"]).unwrap().threads(), 3);
        assert!(parse(&[]).unwrap().threads() >= 1);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (wrong, named) in [
            ("--device=gpu", "auto, cpu, cuda or cuda:N"),
            ("--slots=0", "--slots"),
            ("--threads=0", "--threads"),
            ("--name=", "--name"),
            ("--patience=-1", "--patience"),
        ] {
            let error = parse(&[wrong]).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn a_worker_without_a_name_has_one_that_fits() {
        assert!(name(&parse(&[]).unwrap().name()).is_ok());
    }
}
