//! The flags of a search, and the plan that they make.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::{anyhow, ensure};
use clap::Args;
use peng_client::Credentials;
use peng_predict::{
    Mode,
    policy::{Spec, adaptive},
};
use peng_proto::names;
use peng_search::Space;
use tokio_util::sync::CancellationToken;

use super::{fleet::Workers, space::SpaceArgs, training::TrainingArgs};
use crate::{
    exit::Failure,
    output::Format,
    policy::PolicyArgs,
    secure::{ConnectArgs, ListenArgs},
    serve::address,
};

/// Search for architectures, on this machine or with workers elsewhere
///
/// Starts the prediction server, the orchestrator and the workers, and ends
/// with a table of the candidates. The state is kept on disk: interrupted or
/// killed, the same command goes on.
#[derive(Debug, Args)]
#[command(after_long_help = AFTER)]
pub(crate) struct SearchArgs {
    /// The id of the search, and of its experiment on the prediction server
    #[arg(long, value_name = "ID", default_value = "search")]
    name: names::Id,
    /// The folder for the results
    #[arg(long, value_name = "DIR", default_value = "peng4nn-search")]
    out: PathBuf,
    /// The folder of the state; it goes on with what it finds there [default:
    /// state in the folder for the results]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// How the result is printed; it is written to files in either case
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    #[command(flatten)]
    space: SpaceArgs,
    #[command(flatten)]
    training: TrainingArgs,
    #[command(flatten)]
    policy: PolicyArgs,
    /// Train every candidate to the end; verdicts are only recorded, and the
    /// result compares each prediction with the truth
    #[arg(long, help_heading = "Stopping")]
    no_early_stop: bool,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    listen: ListenArgs,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// What runs where.
#[derive(Debug, Args)]
#[command(next_help_heading = "Machines")]
struct PlaceArgs {
    /// Use the prediction server at this address instead of starting one
    #[arg(long, value_name = "URL")]
    predictor: Option<String>,
    /// Where workers reach the orchestrator: an address, or a port of 127.0.0.1; port 0
    /// takes a free one. Name it for workers that are started elsewhere
    #[arg(long, value_name = "PORT|ADDRESS", value_parser = address)]
    listen: Option<SocketAddr>,
    /// Workers to start here; 0 leaves the work to others
    #[arg(long, value_name = "N", default_value_t = 1)]
    workers: u32,
    /// The folder of the data set, for workers that are started here
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// What workers train on: auto, or a list of cpu and cuda:N
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: String,
    /// Threads of a worker on the CPU
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: u32,
    /// The worker's program [default: peng4nn-worker beside this one]
    #[arg(long, value_name = "FILE")]
    worker_bin: Option<PathBuf>,
    /// Seconds after which a worker that is not heard of has lost its candidate
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    lease: u32,
    /// How often a candidate may be lost before it counts as failed
    #[arg(long, value_name = "N", default_value_t = 3)]
    attempts: u32,
}

const AFTER: &str = "\
Examples:
  A search on this machine with two workers; run it again to go on:
    peng4nn search --data fashion-mnist --workers 2 --out results

  The same candidates trained to the end: how good were the predictions?
    peng4nn search --data fashion-mnist --workers 2 --out results-full --no-early-stop

  The published rule in the place of `adaptive`:
    peng4nn search --data fashion-mnist --policy peng4nn --out results-rule

  Workers on other machines, which reach this one at port 50052:
    peng4nn search --workers 0 --listen 0.0.0.0:50052 --out results \\
      --tls-certificate host.pem --tls-key host.key --tokens tokens
    peng4nn-worker --orchestrator https://HOST:50052 --data fashion-mnist \\
      --name gpu-1 --token-file token

The folder for the results holds candidates.csv, curves.csv, search.json, and
of the workers that were started here a log each, checkpoints, and the most
accurate networks.";

/// A search that can be started.
#[derive(Debug)]
pub(crate) struct Plan {
    /// What the orchestrator is told.
    pub(crate) config: peng_orchestrator::Config,
    /// The folder of the state.
    pub(crate) state: PathBuf,
    /// The folder for the results.
    pub(crate) out: PathBuf,
    /// How the result is printed.
    pub(crate) format: Format,
    /// Where workers reach the orchestrator.
    pub(crate) listen: Option<SocketAddr>,
    /// A prediction server that runs elsewhere.
    pub(crate) predictor: Option<String>,
    /// The workers to start here.
    pub(crate) workers: Workers,
    /// How the address for workers is secured.
    pub(crate) secure: ListenArgs,
    /// What is shown to a prediction server that runs elsewhere.
    pub(crate) credentials: Credentials,
}

impl Plan {
    /// Whether workers may have joined that were not started here.
    pub(crate) fn has_outside_workers(&self) -> bool {
        self.workers.count == 0 || self.listen.is_some()
    }

    /// Epochs of a whole training.
    pub(crate) fn epochs(&self) -> u32 {
        self.config.training.epochs
    }
}

impl SearchArgs {
    /// Checks what can be checked before anything is started.
    pub(crate) fn plan(self) -> Result<Plan, Failure> {
        let policy = self
            .policy
            .spec_or(|| Spec::Adaptive(adaptive::Spec::default()))?;
        let training = self.training.training()?;
        let (lease, attempts) = (self.place.lease, self.place.attempts);
        let settings = self
            .space
            .settings(self.training.shape()?, lease, attempts)?;
        if matches!(settings.space, Space::Described(_)) && self.place.workers > 0 {
            let wrong = "the workers that are started here do not know what a described space \
                         means: --workers 0, and workers of your own, would be right";
            return Err(Failure::input(anyhow!(wrong)));
        }
        let config = peng_orchestrator::Config {
            search: names::Search(self.name),
            settings,
            training,
            mode: if self.no_early_stop {
                Mode::Advise
            } else {
                Mode::Enforce
            },
            policy,
            predictor: self.place.predictor.clone().unwrap_or_default(),
            leaving: CancellationToken::new(),
        };
        Ok(Plan {
            config,
            state: self.state.unwrap_or_else(|| self.out.join("state")),
            workers: self.place.workers(&self.out, &self.connect)?,
            secure: self.listen,
            credentials: self.connect.credentials()?,
            out: self.out,
            format: self.format,
            listen: self.place.listen,
            predictor: self.place.predictor,
        })
    }
}

impl PlaceArgs {
    fn workers(&self, out: &std::path::Path, connect: &ConnectArgs) -> Result<Workers, Failure> {
        let data = match (&self.data, self.workers) {
            (Some(data), _) => data.clone(),
            (None, 0) => PathBuf::new(),
            (None, _) => {
                let wrong = "--data DIR is missing: workers need the folder of the data set";
                return Err(Failure::input(anyhow!(wrong)));
            }
        };
        check_workers(self.workers, self.threads).map_err(Failure::Input)?;
        if self.workers > 0 && !data.is_dir() {
            let wrong = anyhow!("--data: {} is no folder", data.display());
            return Err(Failure::Input(wrong));
        }
        Ok(Workers {
            count: self.workers,
            program: self.worker_bin.clone(),
            data,
            device: self.device.clone(),
            threads: self.threads,
            logs: out.to_owned(),
            can_be_replaced: self.listen.is_some(),
            connect: connect.clone(),
            otlp_endpoint: None,
        })
    }
}

fn check_workers(workers: u32, threads: u32) -> anyhow::Result<()> {
    ensure!(
        workers <= 1_000,
        "--workers is {workers}; at most 1000 would be right"
    );
    ensure!(
        (1..=1_024).contains(&threads),
        "--threads is {threads}; 1 to 1024 would be right"
    );
    Ok(())
}
