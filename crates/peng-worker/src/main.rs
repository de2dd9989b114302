//! The training worker: leases candidates, trains them on libtorch, reports and obeys.

mod args;
mod connect;
mod logging;
mod network;
mod places;
mod screen;
mod shutdown;
mod supervise;
mod told;
mod torch;

use std::{io::stdin, process::ExitCode, time::Duration};

use anyhow::{Context, ensure};
use clap::Parser;
use peng_client::{Client, Options};
use peng_nets::memory;
use peng_worker::Worker;
use tokio::runtime::Builder;

use args::Args;
use places::Place;
use screen::Screen;
use shutdown::Shutdown;
use torch::Keep;

/// How long an epoch waits for its verdict before the next one begins without it.
const VERDICT_WAIT: Duration = Duration::from_secs(5);

const FAILED: u8 = 1;
const BAD_INPUT: u8 = 2;

fn main() -> ExitCode {
    memory::keep_pages();
    let args = Args::parse();
    run(&args).unwrap_or_else(|(error, code)| {
        eprintln!("peng4nn-worker: {}", peng_worker::in_a_line(&*error));
        code.into()
    })
}

/// Training has threads of its own, so one is enough for everything else.
fn run(args: &Args) -> Result<ExitCode, (anyhow::Error, u8)> {
    let bad_input = |error| (error, BAD_INPUT);
    let failed = |error| (error, FAILED);
    let screen = Screen::new(args);
    let _log = logging::start(args, &screen).map_err(bad_input)?;
    if let Some(description) = &args.test {
        network::test(args, description).map_err(bad_input)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_all().build();
    let runtime = runtime.map_err(|error| failed(error.into()))?;
    let _context = runtime.enter();
    // Before the data set is loaded: a signal may come meanwhile.
    let shutdown = Shutdown::listen().context("cannot listen for signals");
    let shutdown = shutdown.map_err(failed)?;
    if args.leave_on_eof || args.slot.is_some() {
        let followed = shutdown.follow(stdin()).context("cannot follow the input");
        followed.map_err(failed)?;
    }
    let places = places::places(args).map_err(|error| bad_input(error.into()))?;
    if args.slot.is_none() && places.len() > 1 {
        check(args).map_err(bad_input)?;
        let orchestrator = orchestrator(args).map_err(bad_input)?;
        let leaving = shutdown.leaving();
        let slots = supervise::run(&places, &orchestrator, &screen, &leaving);
        runtime.block_on(slots)?;
        return Ok(shutdown.exit_code());
    }
    let place = args.slot.map_or(0, |number| number.get() - 1);
    let place = places.get(place).context("there is no such slot");
    let worker = place.and_then(|place| worker(args, place, places.len(), &screen));
    let worker = worker.map_err(bad_input)?;
    let result = runtime.block_on(worker.run(shutdown.leaving()));
    result.map_err(|error| {
        let code = match error {
            // Data and settings that do not fit would not fit the next time either.
            peng_worker::Error::Training { .. } => BAD_INPUT,
            _ => FAILED,
        };
        (error.into(), code)
    })?;
    Ok(shutdown.exit_code())
}

/// Checks what every slot needs, before anything is leased.
fn check(args: &Args) -> anyhow::Result<Keep> {
    ensure!(
        args.data.is_dir(),
        "--data {} is no folder",
        args.data.display()
    );
    let every = Duration::try_from_secs_f32(args.checkpoint_every);
    Ok(Keep {
        checkpoints: args.checkpoints.clone(),
        every: every.context("--checkpoint-every must be 0 or more seconds")?,
        networks: args.networks.clone(),
        best: args.keep_networks.get(),
    })
}

/// The search's server.
fn orchestrator(args: &Args) -> anyhow::Result<Client> {
    let options = Options {
        patience: Duration::from_secs(args.patience),
        ..Options::default()
    };
    let address = args.orchestrator.as_deref().unwrap_or_default();
    let credentials = args.connect.credentials()?;
    Ok(Client::connect_lazy_with(address, options, credentials)?)
}

/// The worker of one slot. The CPU's threads are divided among so many.
fn worker(args: &Args, place: &Place, slots: usize, screen: &Screen) -> anyhow::Result<Worker> {
    let keep = check(args)?;
    let orchestrator = orchestrator(args)?;
    let threads = args.threads(slots);
    let endpoint = orchestrator.endpoint();
    tracing::info!(name = place.name, threads, orchestrator = endpoint, "ready");
    Ok(Worker {
        orchestrator,
        slots: vec![place.post(args, threads, keep)],
        verdict_wait: VERDICT_WAIT,
        once: args.once,
        show: screen::show(screen, args),
    })
}
