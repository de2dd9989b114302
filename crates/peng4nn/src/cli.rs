//! The commands.

use clap::{Parser, Subcommand};

use crate::{
    bench, evaluate, export, health, logging::Logging, predict, search, searches, serve, token,
};

/// Predicts a network's fitness from its first epochs and stops its training early
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, after_long_help = AFTER)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten, next_help_heading = "Log")]
    pub(crate) logging: Logging,
}

const AFTER: &str = "\
Exit codes:
  0    done
  1    failed
  2    the arguments or an input file cannot be right
  130  interrupted; a search goes on when it is started again";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the prediction server
    Serve(serve::ServeArgs),
    /// Search for architectures, on this machine or with workers elsewhere
    Search(Box<search::SearchArgs>),
    /// Look at running searches, pause them and let them go on
    Searches(searches::SearchesArgs),
    /// Predict the fitness of recorded learning curves
    Predict(predict::PredictArgs),
    /// Replay recorded learning curves as a search and measure stopping policies
    Evaluate(Box<evaluate::EvaluateArgs>),
    /// Write the log of an experiment as CSV or JSON lines
    Export(export::ExportArgs),
    /// Load a running server with recorded curves and measure its answers
    Bench(Box<bench::BenchArgs>),
    /// Ask a running server whether it serves
    Health(health::HealthArgs),
    /// Make tokens that callers show to a server
    Token(token::TokenArgs),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_of_the_commands_holds() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_is_what_it_was() {
        let mut cli = Cli::command().term_width(100);
        cli.build();
        insta::assert_snapshot!("peng4nn", cli.render_long_help());
        for command in cli.get_subcommands_mut().filter(|c| c.get_name() != "help") {
            let name = format!("peng4nn-{}", command.get_name());
            insta::assert_snapshot!(name, command.render_long_help());
        }
    }
}
