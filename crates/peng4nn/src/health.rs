//! `peng4nn health`: the question that a container's health check asks.

use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use tonic::transport::Endpoint;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::exit::{Ending, Failure};

/// Ask a running server whether it serves
///
/// Exit code 0 if it does, 1 if it is not there or about to leave
/// (grpc.health.v1).
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
}

/// Asks once.
pub(crate) async fn run(args: HealthArgs) -> Result<Ending, Failure> {
    let endpoint = Endpoint::from_shared(args.endpoint.clone())
        .with_context(|| format!("--endpoint: `{}` is no http://host:port", args.endpoint))
        .map_err(Failure::Input)?;
    let wait = Duration::from_secs(args.wait.into());
    let asked = tokio::time::timeout(wait, ask(endpoint, args.service)).await;
    asked.with_context(|| format!("no answer from {} within {} s", args.endpoint, args.wait))??;
    Ok(Ending::Done)
}

async fn ask(endpoint: Endpoint, service: String) -> anyhow::Result<()> {
    let channel = endpoint
        .connect()
        .await
        .context("the server is not there")?;
    let answer = HealthClient::new(channel)
        .check(HealthCheckRequest { service })
        .await
        .map_err(|status| anyhow::anyhow!("the server does not know: {}", status.message()))?;
    match answer.into_inner().status() {
        ServingStatus::Serving => Ok(()),
        other => bail!("the server is {}", other.as_str_name()),
    }
}
