//! The training worker: leases candidates, trains them on libtorch, reports and obeys.

mod args;
mod logging;
mod network;
mod shutdown;
mod torch;

use std::{io::stdin, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context, ensure};
use clap::Parser;
use peng_client::{Client, Options};
use peng_nets::{Device, device};
use peng_worker::{Post, Worker};
use tokio::runtime::Builder;

use args::Args;
use shutdown::Shutdown;
use torch::{Keep, Stock, Torch};

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
    if args.leave_on_eof {
        let followed = shutdown.follow(stdin()).context("cannot follow the input");
        followed.map_err(failed)?;
    }
    let worker = prepare(args).map_err(bad_input)?;
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

/// Finds data and devices, before anything is leased.
fn prepare(args: &Args) -> anyhow::Result<Worker> {
    let options = Options {
        patience: Duration::from_secs(args.patience),
        ..Options::default()
    };
    let orchestrator = args.orchestrator.as_deref().unwrap_or_default();
    let orchestrator = Client::connect_lazy(orchestrator, options)?;
    ensure!(
        args.data.is_dir(),
        "--data {} is no folder",
        args.data.display()
    );
    let every = Duration::try_from_secs_f32(args.checkpoint_every);
    let keep = Keep {
        checkpoints: args.checkpoints.clone(),
        every: every.context("--checkpoint-every must be 0 or more seconds")?,
        networks: args.networks.clone(),
        best: args.keep_networks.get(),
    };
    let slots = posts(args, &keep)?;
    let names: Vec<_> = slots.iter().map(|slot| slot.name.as_str()).collect();
    let threads = args.threads(slots.len());
    tracing::info!(?names, threads, "ready");
    Ok(Worker {
        orchestrator,
        options,
        slots,
        verdict_wait: VERDICT_WAIT,
        once: args.once,
    })
}

/// The slots of every device.
fn posts(args: &Args, keep: &Keep) -> anyhow::Result<Vec<Post>> {
    let mut devices: Vec<Device> = Vec::new();
    for choice in &args.devices {
        for device in choice.resolve()? {
            if !devices.contains(&device) {
                devices.push(device);
            }
        }
    }
    let (name, each) = (args.name(), args.slots.get());
    let stock = Arc::new(Stock::new(args.data.clone(), args.check()));
    let threads = args.threads(devices.len() * each);
    let mut posts = Vec::new();
    for &device in &devices {
        let trainer = Arc::new(Torch {
            device,
            threads,
            stock: stock.clone(),
            keep: keep.clone(),
        });
        for number in 1..=each {
            let mut name = name.clone();
            if devices.len() > 1 {
                name = format!("{name}/{}", device::name(device));
            }
            if each > 1 {
                name = format!("{name}-{number}");
            }
            let trainer = trainer.clone();
            posts.push(Post { name, trainer });
        }
    }
    Ok(posts)
}
