//! `peng4nn evaluate`: recorded curves replayed as a search, policies side by side.

mod args;
mod groups;
mod json;
mod per_trial;
mod plot;
mod policies;
mod replays;
mod rows;
mod split;
mod text;

use std::io::{self, BufWriter};

use anyhow::Context;

use crate::exit::{Ending, Failure};
pub(crate) use args::EvaluateArgs;
use args::Format;

/// Reads, replays and prints.
pub(crate) fn run(args: &EvaluateArgs) -> Result<Ending, Failure> {
    let policies = args.policies()?;
    let groups = groups::read(args)?;
    let runs = replays::run(args, &groups, &policies)?;
    if let Some(path) = &args.per_trial {
        per_trial::write(path, &runs, policies.len() > 1)?;
    }
    let rows = rows::new(
        &runs,
        &groups,
        policies.len(),
        args.metric.goal(),
        args.best,
    );
    if let Some(path) = &args.plot {
        let figure = plot::Figure {
            groups: &groups,
            policies: &policies,
            runs: &runs,
            rows: &rows,
            seeds: args.seeds,
            goal: args.metric.goal(),
            best: args.best,
            value: args.columns.value(),
        };
        figure.write(path)?;
    }
    let out = BufWriter::new(io::stdout().lock());
    match args.format {
        Format::Table => text::write(out, &rows),
        Format::Json => json::write(out, &rows),
    }
    .context("cannot write the result")?;
    Ok(Ending::Done)
}

#[cfg(test)]
mod tests;
