//! `peng4nn health`: the question that a container's health check asks.

use std::{
    io::{Write, stdout},
    time::Duration,
};

use anyhow::{Context, anyhow, bail};
use clap::Args;
use peng_client::{Options, Transport};
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::{
    exit::{Ending, Failure},
    secure::ConnectArgs,
};

/// Ask a running server whether it serves
///
/// Prints `serving` and exits with 0 if it does; exits with 1 if it is not there or
/// about to leave (grpc.health.v1).
#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    /// The server
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:50051")]
    endpoint: String,
    /// The service to ask for, for example peng4nn.v1.PredictionService; the
    /// server as a whole where not given
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    service: String,
    /// How long to wait for the answer
    #[arg(long, value_name = "SECONDS", default_value_t = 3)]
    wait: u16,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// Asks once.
pub(crate) async fn run(args: HealthArgs) -> Result<Ending, Failure> {
    let channel = args
        .connect
        .credentials()?
        .channel(&args.endpoint, &Options::default())
        .map_err(Failure::input)?;
    let wait = Duration::from_secs(args.wait.into());
    let asked = tokio::time::timeout(wait, ask(channel, args.service)).await;
    asked.with_context(|| format!("no answer from {} within {} s", args.endpoint, args.wait))??;
    writeln!(stdout(), "serving").context("cannot write the answer")?;
    Ok(Ending::Done)
}

async fn ask(channel: Transport, service: String) -> anyhow::Result<()> {
    let answer = HealthClient::new(channel)
        .check(HealthCheckRequest { service })
        .await
        .map_err(|status| match status.code() {
            Code::NotFound => anyhow!("the server does not know this service"),
            _ => anyhow!(
                "the server does not answer: {}",
                peng_client::explain(&status)
            ),
        })?;
    match answer.into_inner().status() {
        ServingStatus::Serving => Ok(()),
        other => bail!("the server is {}", other.as_str_name()),
    }
}
