//! The command line.

use std::{num::NonZeroUsize, path::PathBuf, thread};

use clap::{Parser, ValueEnum};
use peng_nets::{dataset::Check, device::Choice};

use crate::connect::ConnectArgs;

const EXAMPLES: &str = "\
Examples:
  Work for a search on this machine, on the first GPU or else the CPU:
    peng4nn-worker --orchestrator http://127.0.0.1:50052 --data ~/fashion-mnist

  Two candidates at a time, each on one core, with checkpoints that another worker finds:
    peng4nn-worker --orchestrator http://127.0.0.1:50052 --data ~/fashion-mnist \\
      --devices cpu --slots 2 --threads 1 --checkpoints /shared/checkpoints

  How good is a network that was kept, on the test images?
    peng4nn-worker --test networks/search/c0007.json --data ~/fashion-mnist

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
    /// The search's address: http://host:port, or https://host:port where it is encrypted
    #[arg(
        long,
        value_name = "URL",
        env = "PENG4NN_ORCHESTRATOR",
        required_unless_present = "test"
    )]
    pub(crate) orchestrator: Option<String>,

    /// The folder with the data set's files, or with a folder for each data set: fashion-mnist,
    /// cifar-10, cifar-100 and svhn in their official formats, any other name as images in
    /// NAME/train/CLASS and NAME/test/CLASS
    #[arg(long, value_name = "DIR", env = "PENG4NN_DATA")]
    pub(crate) data: PathBuf,

    /// Take files of other sizes and checksums than the published ones
    #[arg(long)]
    pub(crate) unchecked_data: bool,

    /// The worker's name, for people [default: host and process]
    #[arg(long, value_parser = name)]
    pub(crate) name: Option<String>,

    /// Where to train: auto (every GPU, else the CPU), or a list of cpu and cuda:N
    #[arg(
        long,
        alias = "device",
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "auto"
    )]
    pub(crate) devices: Vec<Choice>,

    /// How many candidates to train at the same time on each device, each in a process of its own
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) slots: NonZeroUsize,

    /// The process of one slot, by number; a worker with several starts them
    #[arg(long, hide = true, value_name = "N")]
    pub(crate) slot: Option<NonZeroUsize>,

    /// CPU threads of each slot [default: the cores divided among the slots]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,

    /// The folder of checkpoints. A worker that ends gives its candidates back, and whoever is lent
    /// one goes on with it if it has the same folder
    #[arg(long, value_name = "DIR")]
    pub(crate) checkpoints: Option<PathBuf>,

    /// Seconds between two checkpoints of a training
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    pub(crate) checkpoint_every: f32,

    /// The folder for the most accurate networks of each search: weights, description and
    /// `TorchScript`
    #[arg(long, value_name = "DIR")]
    pub(crate) networks: Option<PathBuf>,

    /// How many networks of a search are kept
    #[arg(long, value_name = "N", default_value = "5")]
    pub(crate) keep_networks: NonZeroUsize,

    /// Measure a network that was kept on the test images, and leave
    #[arg(long, value_name = "FILE.json")]
    pub(crate) test: Option<PathBuf>,

    /// How long a server may be away while there is nothing to train and nothing to report, before
    /// the worker gives up. A candidate is trained on however long it is, and what was observed
    /// waits for two hours more
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

    /// Send the spans of candidates and of calls to the OpenTelemetry collector there (OTLP over
    /// gRPC, mostly port 4317); none are made where not given
    #[arg(long, value_name = "URL", env = "PENG4NN_OTLP_ENDPOINT")]
    pub(crate) otlp_endpoint: Option<String>,

    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
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
    /// The name, or one that tells the worker with this process id from others.
    pub(crate) fn name(&self, process: u32) -> String {
        self.name.clone().unwrap_or_else(|| {
            let host = std::fs::read_to_string("/proc/sys/kernel/hostname");
            let host: String = host
                .as_deref()
                .map_or("worker", str::trim)
                .chars()
                .take(60)
                .collect();
            format!("{host}-{process}")
        })
    }

    /// What files of data sets are held against.
    pub(crate) fn check(&self) -> Check {
        if self.unchecked_data {
            Check::Any
        } else {
            Check::Official
        }
    }

    /// CPU threads of each of so many slots.
    pub(crate) fn threads(&self, slots: usize) -> usize {
        self.threads.map_or_else(
            || {
                let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
                (cores / slots.max(1)).max(1)
            },
            NonZeroUsize::get,
        )
    }
}

fn name(text: &str) -> Result<String, String> {
    const MOST: usize = 80;
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
        assert_eq!(parse(&[]).unwrap().threads(100_000), 1);
        assert_eq!(parse(&["--threads=3"]).unwrap().threads(2), 3);
        assert!(parse(&[]).unwrap().threads(1) >= 1);
    }

    #[test]
    fn devices_are_a_list_and_a_test_needs_no_orchestrator() {
        let devices = parse(&["--devices=cpu,cuda:1"]).unwrap().devices;
        assert_eq!(devices, [Choice::Cpu, Choice::Cuda(1)]);
        let given = ["peng4nn-worker", "--test=a.json", "--data=d"];
        assert_eq!(Args::try_parse_from(given).unwrap().orchestrator, None);
        let error = Args::try_parse_from(["peng4nn-worker", "--data=d"]).unwrap_err();
        assert!(error.to_string().contains("--orchestrator"), "{error}");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (wrong, named) in [
            ("--devices=gpu", "auto, cpu, cuda or cuda:N"),
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
        assert!(name(&parse(&[]).unwrap().name(u32::MAX)).is_ok());
    }
}
