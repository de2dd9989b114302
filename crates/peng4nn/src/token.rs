//! `peng4nn token`: makes the tokens that a server asks for.

use std::io::{Write, stdout};

use anyhow::{Context, anyhow};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use peng_server::auth::{Entry, Scope, Token};

use crate::exit::{Ending, Failure};

/// Make tokens that callers show to a server
#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Make a token: prints it, once, and the line for the server's token file
    New(NewArgs),
}

/// Make a token: prints it, once, and the line for the server's token file
///
/// The file keeps a hash, so that who reads it cannot call the server. A server
/// that runs takes up a changed file within seconds; calls under way end when
/// the line of their token is gone.
#[derive(Debug, Args)]
#[command(after_long_help = AFTER)]
struct NewArgs {
    /// What it allows, and where; may be given several times. read: get, list,
    /// watch, predict; report: also create trials, report, complete, lease
    /// candidates; admin: also create experiments, pause searches. The calls of a search are
    /// about the experiment with its id
    #[arg(
        long = "scope",
        value_name = "RIGHT:experiments/PREFIX*",
        required = true
    )]
    scopes: Vec<Scope>,
    /// Who it is for, for people and the log of denied calls
    #[arg(long, value_name = "NAME", default_value = "token")]
    name: String,
    /// When it ceases to be good, like 2027-01-31T00:00:00Z [default: never]
    #[arg(long, value_name = "TIME")]
    expires: Option<Timestamp>,
}

const AFTER: &str = "\
Examples:
  A worker's token for the experiments whose names begin with cifar:
    peng4nn token new --name gpu-1 --scope 'report:experiments/cifar*'

  Everything, everywhere, until the end of January:
    peng4nn token new --name ops --scope 'admin:experiments/*' \\
      --expires 2027-01-31T00:00:00Z

The token is printed to standard output, the line to standard error:
    peng4nn token new --scope 'admin:experiments/*' > token 2>> tokens";

/// Makes a token.
pub(crate) fn run(args: TokenArgs) -> Result<Ending, Failure> {
    let TokenCommand::New(args) = args.command;
    let mut entropy = [0; 32];
    getrandom::fill(&mut entropy)
        .map_err(|error| anyhow!("{error}"))
        .context("the system gives no randomness")?;
    let token = Token::from_entropy(entropy);
    let entry = Entry::new(&args.name, token.digest(), args.expires, args.scopes)
        .map_err(Failure::input)?;
    writeln!(stdout(), "{}", token.reveal())?;
    eprintln!("{entry}");
    Ok(Ending::Done)
}
