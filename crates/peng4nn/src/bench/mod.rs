//! `peng4nn bench`: a live server under the load of recorded curves.

mod args;
mod curves;
mod echo;
mod load;
mod report;
mod server;
mod streams;
mod tally;
mod unary;

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use peng_client::Credentials;
use peng_predict::{Epoch, Mode, experiment::Settings};

use crate::{
    exit::{Ending, Failure},
    output::Format,
    policy,
};
pub(crate) use args::BenchArgs;
use load::{Client, Load};
use report::{Memory, Report};
use server::{Process, Watch};

/// How long the echo is measured.
const ECHO: Duration = Duration::from_secs(3);

/// Loads the server and prints what it measured.
pub(crate) async fn run(args: BenchArgs) -> Result<Ending, Failure> {
    if args.serve_echo {
        echo::serve().await?;
        return Ok(Ending::Done);
    }
    let (curves, settings) = input(&args)?;
    let credentials = args.connect.credentials()?;
    let channels = args.connect(&args.endpoint, &credentials).await?;
    let clients: Vec<_> = channels.into_iter().map(Client::new).collect();
    let process = local(&args.endpoint);
    let before = process.and_then(Process::memory);

    let load = Load::create(&args, &curves, &settings, &mut clients[0].clone()).await?;
    let load = Arc::new(load);
    let start = Instant::now();
    load.make_ahead(&clients).await?;
    let making = start.elapsed().as_secs_f64();
    let made = process.and_then(Process::memory);
    let streams = if args.unary {
        Vec::new()
    } else {
        streams::open(&load, &clients, args.at_a_time()).await?
    };
    let opened = process.and_then(Process::memory);

    let watch = process.map(Watch::start);
    let start = Instant::now();
    if args.unary {
        unary::run(&load, &clients, args.at_a_time()).await?;
    } else {
        streams::run(&load, streams).await?;
    }
    let mut report = Report::new(&load.tally.counts(), start.elapsed());
    let each = |from: Option<u64>, to: Option<u64>, count: u32| {
        let grown = to?.saturating_sub(from?);
        (count > 0).then(|| grown as f64 / f64::from(count))
    };
    let ahead = load.ahead();
    report.trials_made_per_second = (ahead > 0).then(|| f64::from(ahead) / making);
    if let (Some(before_bytes), Some([first, last, most])) = (before, watch.and_then(Watch::end)) {
        report.memory = Some(Memory {
            before_bytes,
            bytes_per_trial: each(before, made, ahead),
            bytes_per_stream: each(made, opened, if args.unary { 0 } else { args.at_a_time() }),
            first_tenth_bytes: first,
            last_tenth_bytes: last,
            most_bytes: most,
        });
    }
    if args.echo {
        report.echo_calls_per_second = Some(echo_rate(&args).await?);
    }
    match args.format {
        Format::Text => report.write(io::stdout().lock())?,
        Format::Json => println!("{}", serde_json::to_string(&report)?),
    }
    Ok(Ending::Done)
}

/// The curves of the file, and what their experiment is.
fn input(args: &BenchArgs) -> Result<(Vec<peng_curves::Curve>, Settings), Failure> {
    let path = args
        .curves
        .as_deref()
        .unwrap_or_else(|| std::path::Path::new(""));
    let readable = args.metric.readable()?;
    let mut curves = peng_curves::read(path, &args.columns, readable).map_err(Failure::input)?;
    let range = args.metric.range(&mut curves)?;
    let target = Epoch::new(args.epochs.into()).context("--epochs")?;
    let settings = Settings {
        goal: args.metric.goal(),
        range,
        target,
        policy: policy::parse(&args.policy, &[])?,
        mode: Mode::Enforce,
    };
    Ok((curves, settings))
}

/// The server, where its memory can be read.
fn local(endpoint: &str) -> Option<Process> {
    let uri: http::Uri = endpoint.parse().ok()?;
    let here = ["127.0.0.1", "localhost", "[::1]"].contains(&uri.host()?);
    here.then(|| Process::listening(uri.port_u16()?))?
}

async fn echo_rate(args: &BenchArgs) -> Result<f64, Failure> {
    let process = echo::Process::start()?;
    let nothing = Credentials::default();
    let channels = args.connect(&process.endpoint, &nothing).await?;
    Ok(echo::measure(&channels, args.in_flight, ECHO).await?)
}
