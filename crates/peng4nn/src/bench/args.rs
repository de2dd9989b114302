//! What to load a server with.

use std::path::PathBuf;

use clap::Args;
use peng_client::{Credentials, Options, Transport};
use peng_curves::Columns;

use crate::{exit::Failure, metric::Metric, output::Format, secure::ConnectArgs};

/// Load a running server with recorded curves and measure its answers
///
/// Trials of an experiment of its own report their accuracies over pipelined
/// streams, or one call each, as fast as they are answered. A trial ends at its STOP
/// or after --epochs. All of it stays in the server's log: use one of its own.
#[derive(Debug, Args)]
#[command(after_long_help = AFTER)]
#[expect(clippy::doc_markdown, reason = "help for people")]
pub(crate) struct BenchArgs {
    /// The server
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:50051")]
    pub(super) endpoint: String,
    /// Trials in all
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(super) trials: u32,
    /// Streams that are open at a time; each carries one trial after the other
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(super) streams: u32,
    /// Observations of a trial, unless it is stopped before; a shorter curve is stretched
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) epochs: u32,
    /// Observations of a stream that may wait for their answer
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) window: u16,
    /// One call for each observation instead of streams
    #[arg(long)]
    pub(super) unary: bool,
    /// Trials that report at a time, each with one call under way, with --unary
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) in_flight: u32,
    /// Connections [default: one for every 100 streams or 32 calls in flight, at least 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) connections: Option<u32>,
    /// At most so many observations a second in all; their delay counts from when they were due
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) rate: Option<u32>,
    /// Ends after so many seconds at the latest
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(super) seconds: u32,
    /// A policy, `NAME` or `NAME:key=value,..`
    #[arg(long, value_name = "POLICY", default_value = "peng4nn")]
    pub(super) policy: String,
    /// Also measure calls that are merely sent back, by a process of its own
    #[arg(long)]
    pub(super) echo: bool,
    /// Be the process that sends calls back
    #[arg(long, hide = true)]
    pub(super) serve_echo: bool,
    /// For whom the result is
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
    /// CSV with the columns curve_id, epoch, val_accuracy; may be gzipped
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "serve_echo",
        help_heading = "Input"
    )]
    pub(super) curves: Option<PathBuf>,
    #[command(flatten)]
    pub(super) metric: Metric,
    #[command(flatten)]
    pub(super) columns: Columns,
    #[command(flatten)]
    pub(super) connect: ConnectArgs,
}

const AFTER: &str = "\
Examples:
  peng4nn bench --curves curves.csv.gz --trials 100000 --streams 64
  peng4nn bench --curves curves.csv.gz --unary --in-flight 64 --echo
  peng4nn bench --curves curves.csv.gz --streams 10000 --window 1
  peng4nn bench --curves curves.csv.gz --trials 10000000 --seconds 600 --rate 20000
  peng4nn bench --curves curves.csv.gz --endpoint https://nas:50051 --token-file token

Memory is the server's own (VmRSS), read where it runs on the same Linux.";

/// Bytes under way on a connection: more than the answers that may wait on it.
const CONNECTION_WINDOW: u32 = 8 << 20;

impl BenchArgs {
    /// Trials that report at a time.
    pub(super) const fn at_a_time(&self) -> u32 {
        let most = if self.unary {
            self.in_flight
        } else {
            self.streams
        };
        if most < self.trials {
            most
        } else {
            self.trials
        }
    }

    /// Connections to `endpoint`, made.
    pub(super) async fn connect(
        &self,
        endpoint: &str,
        credentials: &Credentials,
    ) -> Result<Vec<Transport>, Failure> {
        let of_each = if self.unary { 32 } else { 100 };
        let count = self
            .connections
            .unwrap_or_else(|| self.at_a_time().div_ceil(of_each).max(2));
        let endpoint = credentials
            .endpoint(endpoint, &Options::default())
            .map_err(Failure::input)?
            .initial_connection_window_size(CONNECTION_WINDOW);
        let mut channels = Vec::new();
        for _ in 0..count {
            let channel = endpoint.connect().await.map_err(|error| {
                anyhow::Error::from(error).context(format!("cannot connect to {}", endpoint.uri()))
            })?;
            channels.push(credentials.over(channel));
        }
        Ok(channels)
    }
}
