//! Set-up and chores: `cargo xtask setup|demo|test|ci|fmt|results|fuzz`.

mod borders;
mod breaking;
mod dataset;
mod demo;
mod digest;
mod format;
mod fuzz;
mod install;
mod libtorch;
mod lint;
mod place;
mod postgres;
mod python;
mod results;
mod run;
mod setup;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Set-up and chores of peng4nn.
#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    after_help = "Downloads are kept in $PENG4NN_CACHE, else $XDG_CACHE_HOME/peng4nn, else ~/.cache/peng4nn."
)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Fetch libtorch and Fashion-MNIST into the cache folder; a second run does nothing.
    Setup(setup::Args),
    /// Set up, build in release mode and run a whole search on this machine.
    Demo(demo::Args),
    /// Set up, then every check and every test: what CI runs.
    Test,
    /// The checks without the tests: format, clippy, crate borders, lints of proto/ and deploy/.
    Ci,
    /// Format the code, also the modules that `cargo fmt` does not reach.
    Fmt(format::Args),
    /// Look for inputs on which a claim of `crates/peng-fuzz` does not hold.
    Fuzz(fuzz::Args),
    /// Check which crate may not depend on what.
    Borders,
    /// Lint proto/ and deploy/.
    Lint,
    /// Replay recorded curves with every policy and write the tables of docs/results.md.
    Results(results::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().task {
        Task::Setup(args) => setup::run(&args),
        Task::Demo(args) => demo::run(&args),
        Task::Test => test::run(),
        Task::Ci => test::checks(),
        Task::Fmt(args) => format::run(&args),
        Task::Fuzz(args) => fuzz::run(&args),
        Task::Borders => borders::check(),
        Task::Lint => lint::run(),
        Task::Results(args) => results::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("  because: {cause}");
            }
            ExitCode::FAILURE
        }
    }
}
