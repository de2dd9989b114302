//! The training worker: leases candidates, trains them on libtorch, reports and obeys.

mod args;
mod logging;
mod shutdown;
mod torch;

use std::{io::stdin, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context;
use clap::Parser;
use peng_client::{Client, Options};
use peng_worker::Worker;
use tokio::runtime::Builder;

use args::Args;
use shutdown::Shutdown;
use torch::Torch;

/// How long an epoch waits for its verdict before the next one begins without it.
const VERDICT_WAIT: Duration = Duration::from_secs(5);

const FAILED: u8 = 1;
const BAD_INPUT: u8 = 2;

fn main() -> ExitCode {
    let args = Args::parse();
    run(&args).unwrap_or_else(|(error, code)| {
        eprintln!("peng4nn-worker: {error:#}");
        code.into()
    })
}

/// Training has threads of its own, so one is enough for everything else.
fn run(args: &Args) -> Result<ExitCode, (anyhow::Error, u8)> {
    let bad_input = |error| (error, BAD_INPUT);
    let failed = |error| (error, FAILED);
    logging::start(args.log_format).map_err(bad_input)?;
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_all().build();
    let runtime = runtime.map_err(|error| failed(error.into()))?;
    let _context = runtime.enter();
    // Before the data set is loaded: a signal may come meanwhile.
    let shutdown = Shutdown::listen().context("cannot listen for signals");
    let shutdown = shutdown.map_err(failed)?;
    if args.leave_on_eof {
        let followed = shutdown.follow(stdin()).context("cannot follow the input");
        followed.map_err(failed)?;
    }
    let worker = prepare(args).map_err(bad_input)?;
    let result = runtime.block_on(worker.run(shutdown.leaving()));
    result.map_err(|error| failed(error.into()))?;
    Ok(shutdown.exit_code())
}

/// Loads the data set and finds the device, before anything is leased.
fn prepare(args: &Args) -> anyhow::Result<Worker> {
    let options = Options {
        patience: Duration::from_secs(args.patience),
        ..Options::default()
    };
    let orchestrator = Client::connect_lazy(&args.orchestrator, options)?;
    let device = args.device.resolve()?;
    let threads = args.threads();
    let torch = Torch::new(&args.data, device, threads)?;
    let (name, slots) = (args.name(), args.slots.get());
    tracing::info!(name, ?device, slots, threads, "ready");
    Ok(Worker {
        orchestrator,
        options,
        name,
        slots,
        verdict_wait: VERDICT_WAIT,
        once: args.once,
        trainer: Arc::new(torch),
    })
}
