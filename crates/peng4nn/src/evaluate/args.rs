//! What to replay, and how.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use peng_curves::Columns;
use peng_predict::{Epoch, rate};
use regex::Regex;

use super::policies::{self, Policy};
use super::split::Split;
use crate::{exit::Failure, metric::Metric};

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
    /// A parameter of every policy; the same key with several values makes a row for each
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
    /// Curves in whose names this pattern finds the same text are an experiment of
    /// their own; with a group `(..)`, what that finds. A row for each, and one for
    /// their mean
    #[arg(long, value_name = "REGEX")]
    group: Option<Regex>,
    /// How the learning rate of every curve ran: `constant`, `cosine` or `steps=150,250`,
    /// with `*0.2` after the steps for what each leaves and `+warm-up=5` at the end
    #[arg(long, value_name = "SHAPE")]
    pub(super) schedule: Option<rate::Schedule>,
    /// The column that says it of each curve, empty where it is not known
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with = "schedule",
        help_heading = "Input"
    )]
    schedule_column: Option<String>,
    /// Only this part of each file's curves, `0/2` or `1/2` for a half; which they are
    /// follows from their names. Choose on one, report the other
    #[arg(long, value_name = "PART/PARTS")]
    pub(super) split: Option<Split>,
    /// A table, or a JSON object a line for every file and policy
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(super) format: Format,
    /// Write what became of every curve to this CSV file: file, seed, curve_id,
    /// epochs_used (observations), reported_fitness, lower and upper end of its 90 %
    /// interval, state, reason; and policy, where there are several
    #[arg(long, value_name = "FILE")]
    pub(super) per_trial: Option<PathBuf>,
    /// Draw curves with their predictions, and what each policy saved and kept, into
    /// this SVG file
    #[arg(long, value_name = "FILE.svg", value_parser = svg)]
    pub(super) plot: Option<PathBuf>,
    /// Replays at a time; the figures are the same, the decision times grow with it
    /// [default: the number of cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// CSV with the columns curve_id, epoch, val_accuracy; may be gzipped, rows
    /// in any order
    #[arg(long, value_name = "FILE", required = true, num_args = 1.., help_heading = "Input")]
    pub(super) curves: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) metric: Metric,
    #[command(flatten)]
    pub(super) columns: Columns,
}

/// For whom the result is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Table,
    /// For programs
    Json,
}

const AFTER: &str = "\
Figures, values in the metric's unit, means over the seeds (table / JSON):
  saved %   epochs_saved          share of all epochs that were not trained
  times     throughput_factor     all epochs by those trained
  kept      best_kept             share of the true best fraction in the reported best
                                  fraction; as good as its last one counts
  means     best_mean_difference  true mean of the true best less that of the reported best
  error     mae                   mean absolute error of the reported fitness
  tau       kendall_tau           rank correlation of reported and true fitness
  regret    regret                true fitness of the best less that of the first-ranked
  stopped % stopped, stopped_why  share of the trials stopped, and for which reason
  in 50 %   coverage_50           share of the stopped whose fitness lies in the 50 % interval
  in 90 %   coverage_90           the same of the 90 % interval
  lost      false_stop_rate       share of the true best that was stopped and, by what it
                                  reported, is not in the reported best
            calibration           what the policy itself can tell in a live search, from the
                                  trials that it did not stop to check itself, over all seeds
                                  (below the table)
  p50, p99  decision_us_p50, _p99 time of a decision in microseconds

Examples:
  What does the published rule save, and what does it lose?
    peng4nn evaluate --curves curves.csv.gz

  Policies side by side:
    peng4nn evaluate --curves curves.csv.gz --policy peng4nn median asha:first_share=0.11 \\
      hyperband patience fixed:share=0.25

  What does a parameter trade? A row for each value, and a line in the figure:
    peng4nn evaluate --curves curves.csv --policy peng4nn --set radius=0.25 --set radius=1 \\
      --plot trade.svg

  Losses, an experiment for each network that the names begin with:
    peng4nn evaluate --curves loss.csv --value-column loss --goal minimize --group '^[a-z]+'

  Choose a parameter on one half of the curves, and see what it is worth on the other:
    peng4nn evaluate --curves curves.csv --policy adaptive --set risk=0.1 --set risk=0.2 \\
      --split 0/2

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

fn svg(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    let right = path
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("svg"));
    right
        .then_some(path)
        .ok_or_else(|| "the figure is an SVG: the name must end in .svg".to_owned())
}

fn workers(text: &str) -> Result<usize, String> {
    let number: usize = text.parse().map_err(|_| "not a whole number".to_owned())?;
    let right = (1..=100_000).contains(&number);
    right
        .then_some(number)
        .ok_or_else(|| "must be between 1 and 100000".to_owned())
}

impl EvaluateArgs {
    /// The policies, in the order of the arguments.
    pub(super) fn policies(&self) -> Result<Vec<Policy>, Failure> {
        policies::parse(&self.policies, &self.set)
    }

    /// Which column holds what.
    pub(super) fn columns(&self) -> Columns {
        let columns = self.columns.clone();
        columns.with_schedule(self.schedule_column.clone())
    }

    /// How many replays run at a time.
    pub(super) fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.map_or_else(cores, usize::from)
    }

    /// The name of a curve's experiment, none where a file is one; fails where the pattern finds
    /// nothing.
    pub(super) fn group_of(&self, curve: &str) -> Result<Option<String>, Failure> {
        let Some(pattern) = &self.group else {
            return Ok(None);
        };
        let found = pattern.captures(curve);
        let text = found.and_then(|found| found.get(1).or_else(|| found.get(0)));
        let text = text.filter(|text| !text.is_empty()).ok_or_else(|| {
            Failure::input(anyhow::anyhow!(
                "--group: `{pattern}` finds nothing in the curve's name `{curve}`"
            ))
        })?;
        Ok(Some(text.as_str().to_owned()))
    }
}
