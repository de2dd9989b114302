//! `peng4nn predict`: recorded curves in, predictions out.

mod json;
mod text;

use std::{
    io::{self, BufWriter},
    path::PathBuf,
    sync::Arc,
};

use anyhow::Context;
use clap::Args;
use peng_curves::{Columns, Curve};
use peng_predict::{
    Epoch,
    experiment::{Experiment, Settings},
    policy::Spec,
    trial::Session,
};

use crate::{
    exit::{Ending, Failure},
    metric::Metric,
    output::Format,
    policy::PolicyArgs,
};

/// Predict the fitness of recorded learning curves
///
/// Each curve is read observation by observation, as a live training would
/// report it, and what the policy would have decided is printed: the predicted
/// fitness at the target epoch, its interval, and where it would have stopped.
/// The curves of a file are an experiment: to a policy that compares trainings
/// they come one after the other, in the order of the file.
#[derive(Debug, Args)]
#[command(after_long_help = AFTER)]
pub(crate) struct PredictArgs {
    /// The epoch whose value is the fitness
    #[arg(long, value_name = "EPOCH", allow_negative_numbers = true, value_parser = epoch)]
    target: Epoch,
    /// A table of curves, or a JSON object a line for every observation
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// CSV with the columns `curve_id`, `epoch`, `val_accuracy`; may be gzipped, rows
    /// in any order
    #[arg(long, value_name = "FILE", required = true, num_args = 1.., help_heading = "Input")]
    curves: Vec<PathBuf>,
    #[command(flatten)]
    metric: Metric,
    #[command(flatten)]
    columns: Columns,
    #[command(flatten)]
    policy: PolicyArgs,
}

const AFTER: &str = "\
Examples:
  What would be known of these networks before epoch 20?
    peng4nn predict --curves curves.csv.gz --target 20

  Every decision, for a program:
    peng4nn predict --curves curves.csv --target 20 --format json | jq .prediction

  The rule of PENGUIN's published code, half-epoch observations:
    peng4nn predict --curves penguin.csv --target 20 --x-axis observation --min-observations 2";

fn epoch(text: &str) -> Result<Epoch, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    Epoch::new(number).map_err(|error| error.to_string())
}

/// Reads, judges and prints.
pub(crate) fn run(args: &PredictArgs) -> Result<Ending, Failure> {
    let policy = args.policy.spec_or(Spec::default)?;
    let readable = args.metric.readable()?;
    let mut judged = Vec::new();
    for path in &args.curves {
        let mut curves =
            peng_curves::read(path, &args.columns, readable).map_err(Failure::input)?;
        if let Some(doubt) = args.metric.doubt(&curves) {
            eprintln!("{}: {doubt}", path.display());
        }
        let experiment = Experiment::new(Arc::new(Settings {
            goal: args.metric.goal(),
            range: args.metric.range(&mut curves)?,
            policy: policy.clone(),
            ..Settings::accuracy(args.target)
        }));
        for (trial, curve) in (0..).zip(curves) {
            judged.push(judge(experiment.start(trial), curve)?);
        }
    }
    let out = BufWriter::new(io::stdout().lock());
    match args.format {
        Format::Text => text::write(out, &judged),
        Format::Json => json::write(out, &judged),
    }
    .context("cannot write the result")?;
    Ok(Ending::Done)
}

/// A curve and what was decided on it.
struct Judged {
    id: String,
    session: Session,
}

fn judge(mut session: Session, curve: Curve) -> anyhow::Result<Judged> {
    for observation in curve.observations {
        session
            .observe(observation)
            .with_context(|| format!("curve `{}`", curve.id))?;
    }
    let target = session.settings().target;
    let complete = session.last().is_some_and(|last| last.epoch >= target);
    if complete && session.stop().is_none() {
        session.complete();
    }
    let id = curve.id;
    Ok(Judged { id, session })
}
