//! `peng4nn serve`: the prediction server.

mod config;

use std::{net::SocketAddr, path::PathBuf};

use anyhow::Context;
use clap::Args;
use peng_server::Server;

pub(crate) use config::Config;

use crate::{
    exit::{Ending, Failure},
    signal,
};

/// Run the prediction server
///
/// Any NAS framework streams accuracies to it over gRPC and gets predictions
/// and verdicts back (proto/peng4nn/v1). Health and reflection are served on
/// the same port. What was acknowledged is on disk; SIGTERM or Ctrl-C lets calls
/// under way end.
#[derive(Debug, Args)]
#[command(after_long_help = AFTER)]
pub(crate) struct ServeArgs {
    /// Where to listen; port 0 takes a free one [default: 127.0.0.1:50051]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// The folder that holds the log of observations and verdicts; made where
    /// missing [default: peng4nn-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The PostgreSQL database that holds the log instead of a folder, for several
    /// servers behind one address; an address as libpq reads it
    #[arg(
        long,
        value_name = "URL",
        conflicts_with = "data",
        env = "PENG4NN_DATABASE",
        hide_env_values = true
    )]
    database: Option<String>,
    /// A TOML file; flags go before it (see deploy/peng4nn.example.toml)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

const AFTER: &str = "\
Examples:
  peng4nn serve --data /var/lib/peng4nn
  peng4nn serve --database 'postgres://peng4nn@db/nas?sslmode=verify-full'
  peng4nn serve --listen 0.0.0.0:50051 --config peng4nn.toml --log-format json
  grpcurl -plaintext 127.0.0.1:50051 list

The connection is not encrypted and callers are not checked: listen beyond
127.0.0.1 only where every machine of the network is trusted.";

impl ServeArgs {
    /// The file's settings, with the flags before them.
    pub(crate) fn configure(&self) -> Result<Config, Failure> {
        let mut config = match &self.config {
            Some(path) => Config::read(path).map_err(Failure::Input)?,
            None => Config::default(),
        };
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
        config.store().map_err(Failure::input)?;
        Ok(config)
    }
}

/// Serves until asked to leave.
pub(crate) async fn run(config: Config) -> Result<Ending, Failure> {
    let leave = signal::asked_to_leave()?;
    let store = peng_store::open(&config.store()?).await?;
    let server = Server::bind(config.server(), store).await?;
    server.run(leave).await.context("the server failed")?;
    Ok(Ending::Done)
}
