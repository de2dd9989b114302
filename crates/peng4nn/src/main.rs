//! The command line: serve, search, predict, evaluate.

mod bench;
mod cli;
mod evaluate;
mod exit;
mod export;
mod health;
mod logging;
mod metric;
mod output;
mod policy;
mod predict;
mod search;
mod searches;
mod secure;
mod serve;
mod signal;
mod token;

use std::{process::ExitCode, time::Duration};

use clap::Parser;

use cli::{Cli, Command};
use exit::{Ending, Failure};

/// Messages are allocated on one thread and freed on another all the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(ending) => ending.into(),
        Err(failure) if failure.is_broken_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("peng4nn: {failure}");
            failure.into()
        }
    }
}

fn run(cli: Cli) -> Result<Ending, Failure> {
    match cli.command {
        Command::Predict(args) => predict::run(&args),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Export(args) => block_on(export::run(args)),
        Command::Bench(args) => block_on(bench::run(*args)),
        Command::Token(args) => token::run(args),
        Command::Searches(args) => block_on(searches::run(args)),
        Command::Health(args) => block_on(health::run(args)),
        Command::Serve(args) => {
            let Some(config) = args.settings()? else {
                return Ok(Ending::Done);
            };
            let flags = cli.logging;
            let log = flags.clone().or(&config.log);
            block_on(async move {
                let log = logging::start(&log, logging::Usual::Info)?;
                let filter = log.filter.clone();
                serve::run(config, move || args.log_again(&flags, &filter)).await
            })
        }
        Command::Search(args) => {
            let flags = cli.logging;
            block_on(async move {
                let _log = logging::start(&flags, logging::Usual::Warn)?;
                search::run(*args, flags.otlp_endpoint).await
            })
        }
    }
}

/// How long a thread is waited for after an interrupt: one that looks up a name can be held up by
/// the network.
const FAREWELL: Duration = Duration::from_secs(1);

fn block_on(command: impl Future<Output = Result<Ending, Failure>>) -> Result<Ending, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)?;
    let ended = runtime.block_on(command);
    if matches!(ended, Ok(Ending::Interrupted)) {
        runtime.shutdown_timeout(FAREWELL);
    }
    ended
}
