//! `peng4nn export`: the log of an experiment as CSV or JSON lines.

mod csv;
mod json;

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::PathBuf,
};

use anyhow::{Context, anyhow};
use clap::{Args, ValueEnum};
use peng_store::{Address, Event, ExperimentKey, Seq, Trials};

use crate::exit::{Ending, Failure};

/// Events in memory at a time.
const PAGE: u32 = 1_024;

/// Write the log of an experiment as CSV or JSON lines
///
/// Reads beside a running server, event by event in the order of their commits.
#[derive(Debug, Args)]
#[command(after_long_help = AFTER)]
pub(crate) struct ExportArgs {
    /// The folder of the server
    #[arg(
        long,
        value_name = "DIR",
        required_unless_present = "database",
        conflicts_with = "database"
    )]
    data: Option<PathBuf>,
    /// The PostgreSQL database of the servers: `postgres://USER@HOST/DATABASE`
    #[arg(
        long,
        value_name = "URL",
        env = "PENG4NN_DATABASE",
        hide_env_values = true
    )]
    database: Option<String>,
    /// The experiment's id
    #[arg(long, value_name = "ID")]
    experiment: String,
    /// CSV with a row for each observation, as `evaluate` reads it, or JSON with a
    /// line for each event
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// Where to; standard output where not given
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// How an event is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Rows
    Csv,
    /// Lines
    Jsonl,
}

const AFTER: &str = "\
Columns of CSV:
  curve_id, epoch, val_accuracy      the trial, the epoch, the value reported
  verdict, reason                    the decision, as the API names it
  predicted, lower_90, upper_90      the predicted fitness with its interval, where there is one
  time                               of the commit, seconds since 1970

Examples:
  peng4nn export --data peng4nn-data --experiment cifar > cifar.csv
  peng4nn evaluate --curves cifar.csv --policy adaptive";

/// Writes all events.
pub(crate) async fn run(args: ExportArgs) -> Result<Ending, Failure> {
    let address = match (args.data, &args.database) {
        (Some(folder), _) => Address::Folder(folder),
        (None, Some(database)) => database.parse().map_err(Failure::input)?,
        (None, None) => {
            return Err(Failure::input(anyhow!(
                "--data or --database: one is needed"
            )));
        }
    };
    let store = peng_store::open_to_read(&address).await?;
    let id = &args.experiment;
    let experiment = store.experiment(id).await?.ok_or_else(|| {
        let ids = "its id would be right, as `cifar` of `experiments/cifar`";
        Failure::input(anyhow!(
            "--experiment: there is no experiment `{id}`; {ids}"
        ))
    })?;
    // Nothing is written over where there is nothing to write.
    let out: Box<dyn Write> = match &args.output {
        Some(path) => Box::new(
            File::create(path).with_context(|| format!("cannot write {}", path.display()))?,
        ),
        None => Box::new(io::stdout().lock()),
    };
    let out = BufWriter::new(out);
    match args.format {
        Format::Csv => write_all(&*store, experiment.key, csv::Rows::new(out)?).await?,
        Format::Jsonl => write_all(&*store, experiment.key, json::Lines::new(out)).await?,
    }
    Ok(Ending::Done)
}

/// What events are written to.
trait Sink {
    fn event(&mut self, event: &Event) -> anyhow::Result<()>;
    fn end(self) -> anyhow::Result<()>;
}

async fn write_all(
    store: &dyn Trials,
    experiment: ExperimentKey,
    mut sink: impl Sink,
) -> Result<(), Failure> {
    let mut after = Seq::START;
    loop {
        let page = store.events(experiment, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.seq;
        for event in &page {
            sink.event(event)?;
        }
    }
    sink.end()?;
    Ok(())
}

/// Seconds since 1970 of a commit.
fn seconds(event: &Event) -> f64 {
    event
        .at
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64()
}
