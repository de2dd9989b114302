//! What to replay, and how.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use peng_predict::{Epoch, Goal, ValueRange, policy::Spec};
use regex::Regex;

use crate::{curves::Columns, exit::Failure, policy};

/// Replay recorded learning curves as a search and measure stopping policies
///
/// The curves come in a seeded order, several in training at a time, and the
/// policy sees what had been observed by then. Printed is what it saved, and
/// what the search lost by it.
#[derive(Debug, Args)]
#[command(after_long_help = AFTER)]
#[expect(clippy::doc_markdown, reason = "help for people")]
pub(crate) struct EvaluateArgs {
    /// A policy, `NAME` or `NAME:key=value,..`; several make rows side by side
    #[arg(long = "policy", value_name = "POLICY", default_value = "peng4nn", num_args = 1..)]
    policies: Vec<String>,
    /// A parameter of every policy
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// The epoch whose value is the fitness; the last one of a file if not given
    #[arg(long, value_name = "EPOCH", value_parser = epoch)]
    pub(super) target: Option<Epoch>,
    /// Trainings at a time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = workers)]
    pub(super) workers: usize,
    /// Orders of the curves; the figures are means over them
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(super) seeds: u64,
    /// The fraction of the curves that the search is after
    #[arg(long, value_name = "FRACTION", default_value_t = 0.1, value_parser = fraction)]
    pub(super) best: f64,
    /// Curves in whose names this pattern finds the same text are an experiment
    /// of their own; with a group `(..)`, what that finds
    #[arg(long, value_name = "REGEX")]
    group: Option<Regex>,
    /// A table, or a JSON object a line for every file and policy
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(super) format: Format,
    /// Write what became of every curve to this CSV file
    #[arg(long, value_name = "FILE")]
    pub(super) per_trial: Option<PathBuf>,
    /// CSV with the columns curve_id, epoch, val_accuracy; may be gzipped, rows
    /// in any order
    #[arg(long, value_name = "FILE", required = true, num_args = 1.., help_heading = "Input")]
    pub(super) curves: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) metric: Metric,
    #[command(flatten)]
    pub(super) columns: Columns,
}

/// What the values mean.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Metric")]
pub(crate) struct Metric {
    /// A smaller value is better
    #[arg(long)]
    minimize: bool,
    /// The smallest value that can occur
    #[arg(
        long,
        value_name = "VALUE",
        default_value_t = 0.0,
        allow_negative_numbers = true
    )]
    lower: f64,
    /// The largest value that can occur
    #[arg(
        long,
        value_name = "VALUE",
        default_value_t = 100.0,
        allow_negative_numbers = true
    )]
    upper: f64,
}

/// For whom the result is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Table,
    /// For programs
    Json,
}

/// A policy as it was asked for.
pub(super) struct Policy {
    pub(super) label: String,
    pub(super) spec: Spec,
}

const AFTER: &str = "\
Examples:
  What does the published rule save, and what does it lose?
    peng4nn evaluate --curves curves.csv.gz

  Policies side by side:
    peng4nn evaluate --curves curves.csv.gz --policy peng4nn median asha:first_share=0.11 \\
      hyperband patience fixed:share=0.25

  Several policies at once, the first that stops:
    peng4nn evaluate --curves curves.csv --policy any_of --set policies=peng4nn,asha";

fn epoch(text: &str) -> Result<Epoch, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    Epoch::new(number).map_err(|error| error.to_string())
}

fn fraction(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    let right = number > 0.0 && number <= 1.0;
    right
        .then_some(number)
        .ok_or_else(|| "must be above 0 and at most 1".to_owned())
}

fn workers(text: &str) -> Result<usize, String> {
    let number: usize = text.parse().map_err(|_| "not a whole number".to_owned())?;
    let right = (1..=100_000).contains(&number);
    right
        .then_some(number)
        .ok_or_else(|| "must be between 1 and 100000".to_owned())
}

impl Metric {
    pub(super) fn goal(&self) -> Goal {
        if self.minimize {
            Goal::Minimize
        } else {
            Goal::Maximize
        }
    }

    pub(super) fn range(&self) -> Result<ValueRange, Failure> {
        ValueRange::new(self.lower, self.upper).map_err(Failure::input)
    }
}

impl EvaluateArgs {
    /// The policies, in the order of the arguments.
    pub(super) fn policies(&self) -> Result<Vec<Policy>, Failure> {
        self.policies
            .iter()
            .map(|label| {
                let spec = policy::parse(label, &self.set)?;
                let label = label.clone();
                Ok(Policy { label, spec })
            })
            .collect()
    }

    /// The name of a curve's experiment.
    pub(super) fn group_of(&self, curve: &str) -> Option<String> {
        let pattern = self.group.as_ref()?;
        let found = pattern.captures(curve);
        let text = found.and_then(|found| found.get(1).or_else(|| found.get(0)));
        Some(text.map_or_else(String::new, |text| text.as_str().to_owned()))
    }
}
