//! `peng4nn serve`: the prediction server.

mod config;
mod layers;
mod place;
mod retention;
mod store;

use std::{
    io::{Write, stdout},
    net::SocketAddr,
    path::PathBuf,
};

use anyhow::{Context, anyhow};
use clap::Args;
use peng_server::Server;
use tracing::{error, info};

pub(crate) use config::Config;
use layers::Layers;
use place::Place;
pub(crate) use place::address;
use retention::Retention;

use crate::{
    exit::{Ending, Failure},
    logging::{self, Logging},
    secure::ListenArgs,
    signal,
};

/// Run the prediction server
///
/// Any NAS framework streams accuracies to it over gRPC and gets predictions
/// and verdicts back (proto/peng4nn/v1). Health and reflection are served on
/// the same port. What was acknowledged is on disk; SIGTERM or Ctrl-C lets calls
/// under way end; SIGHUP reads again what to log (log.filter).
#[derive(Debug, Args)]
#[command(after_long_help = AFTER)]
pub(crate) struct ServeArgs {
    /// Where to listen: an address, or a port of 127.0.0.1; port 0 takes a free one
    /// [default: 127.0.0.1:50051]
    #[arg(long, value_name = "PORT|ADDRESS", value_parser = address)]
    listen: Option<SocketAddr>,
    /// The folder that holds the log of observations and verdicts; made where
    /// missing [default: peng4nn-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The PostgreSQL database that holds the log instead of a folder, for several
    /// servers behind one address: `postgres://USER@HOST/DATABASE`, with the
    /// parameters that libpq knows; one that is not there yet is waited for
    #[arg(
        long,
        value_name = "URL",
        conflicts_with = "data",
        env = "PENG4NN_DATABASE",
        hide_env_values = true
    )]
    database: Option<String>,
    /// Show metrics at /metrics there, plain and to everyone who reaches it: a port of
    /// 127.0.0.1, or an address (docs/metrics.md)
    #[arg(long, value_name = "PORT|ADDRESS")]
    metrics: Option<Place>,
    /// Delete an experiment with its trials once nothing was logged in it for that time,
    /// like 90d, 12w or 36h; a trial that never ended does not keep it. For ever where
    /// not given
    #[arg(long, value_name = "TIME")]
    retain_for: Option<Retention>,
    /// A TOML file; the environment and flags go before it (see
    /// deploy/peng4nn.example.toml)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Any setting of the file, like `limits.commit_size=256`; may be given several
    /// times
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Print all settings as they are in force, as TOML, and leave
    #[arg(long)]
    print_config: bool,
    #[command(flatten)]
    secure: ListenArgs,
}

const AFTER: &str = "\
Environment:
  PENG4NN_SERVE_KEY  any setting of the file, with __ for a dot: for example
                     PENG4NN_SERVE_LIMITS__COMMIT_SIZE=256

Examples:
  peng4nn serve --data /var/lib/peng4nn
  peng4nn serve --database 'postgres://peng4nn@db/nas?sslmode=verify-full'
  peng4nn serve --config peng4nn.toml --log-format json --print-config
  peng4nn serve --listen 0.0.0.0:50051 --tls-certificate server.pem \\
    --tls-key server.key --tokens tokens
  grpcurl -plaintext 127.0.0.1:50051 list";

impl ServeArgs {
    /// The settings in force: flags before the environment before the file.
    fn configure(&self) -> anyhow::Result<Config> {
        let mut layers = Layers::new();
        if let Some(path) = &self.config {
            layers.file(path)?;
        }
        layers.environment(std::env::vars_os())?;
        for pair in &self.set {
            let wrong = || anyhow!("--set: `{pair}` is not KEY=VALUE");
            let (key, value) = pair.split_once('=').ok_or_else(wrong)?;
            layers.set(key.trim(), value.trim()).context("--set")?;
        }
        let mut config = Config::of(layers)?;
        if let Some(listen) = self.listen {
            config.listen = listen;
        }
        if let Some(data) = &self.data {
            config.data.clone_from(data);
            config.database = None;
        }
        if let Some(database) = &self.database {
            config.database = Some(database.clone());
        }
        config.store()?;
        config.metrics = self.metrics.or(config.metrics);
        config.retain_for = self.retain_for.or(config.retain_for);
        config.secure(&self.secure);
        Ok(config)
    }

    /// Reads the settings again and logs what they say from now on; the other settings stay
    /// as they were at the start.
    pub(crate) fn log_again(&self, flags: &Logging, log: &logging::Filter) -> anyhow::Result<()> {
        let config = self.configure()?;
        log.change(&flags.clone().or(&config.log))
    }

    /// The settings in force, or `None` after printing them was all that was asked.
    pub(crate) fn settings(&self) -> Result<Option<Config>, Failure> {
        let config = self.configure().map_err(Failure::Input)?;
        if self.print_config {
            stdout().write_all(config.print()?.as_bytes())?;
            return Ok(None);
        }
        Ok(Some(config))
    }
}

/// Serves until asked to leave; `log_again` is called on SIGHUP.
pub(crate) async fn run(
    config: Config,
    log_again: impl Fn() -> anyhow::Result<()> + Send + 'static,
) -> Result<Ending, Failure> {
    let mut leave = Box::pin(signal::asked_to_leave()?);
    let mut hang_ups = signal::hang_ups()?;
    tokio::spawn(async move {
        while hang_ups.recv().await.is_some() {
            match log_again() {
                Ok(()) => info!("the log filter was read again"),
                Err(error) => error!(
                    error = format!("{error:#}"),
                    "the settings cannot be used; the log stays as it was"
                ),
            }
        }
    });
    let address = config.store()?;
    // Before the log, which may be long in coming.
    Server::check(&config.server()).map_err(failure)?;
    let store = tokio::select! {
        () = &mut leave => return Ok(Ending::Interrupted),
        store = store::open(&address) => store?,
    };
    let server = Server::bind(config.server(), store)
        .await
        .map_err(failure)?;
    server.run(leave).await.context("the server failed")?;
    Ok(Ending::Done)
}

/// Why the server cannot start, with the exit code that fits.
pub(crate) fn failure(error: peng_server::Error) -> Failure {
    match error {
        peng_server::Error::Exposed { .. }
        | peng_server::Error::Tls(_)
        | peng_server::Error::Tokens(_) => Failure::input(error),
        _ => Failure::Failed(error.into()),
    }
}
