//! `peng4nn evaluate`: recorded curves replayed as a search, policies side by side.

mod args;
mod json;
mod per_trial;
mod text;

use std::{
    io::{self, BufWriter},
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use anyhow::Context;
use peng_predict::{
    Epoch, Observation,
    experiment::Settings,
    metrics::Summary,
    replay::{self, Replay, Schedule},
};

use crate::{
    curves::{self, Curve},
    exit::{Ending, Failure},
};
pub(crate) use args::EvaluateArgs;
use args::{Format, Policy};

/// The curves of one experiment.
struct Group {
    path: PathBuf,
    /// What the pattern found in the curves' names; none without a pattern.
    name: Option<String>,
    target: Epoch,
    curves: Vec<Curve>,
}

/// What a policy did on an experiment, in the mean over the seeds.
struct Row<'a> {
    group: &'a Group,
    policy: &'a Policy,
    summary: Summary,
}

/// Reads, replays and prints.
pub(crate) fn run(args: &EvaluateArgs) -> Result<Ending, Failure> {
    let policies = args.policies()?;
    let groups = groups(args)?;
    let mut per_trial = args
        .per_trial
        .as_deref()
        .map(per_trial::Writer::create)
        .transpose()?;
    let mut rows = Vec::new();
    for group in &groups {
        for policy in &policies {
            let mut summaries = Vec::new();
            for seed in 1..=args.seeds {
                let replay = replay(args, group, policy, seed)?;
                if let Some(per_trial) = &mut per_trial {
                    per_trial.write(policy, group, seed, &replay)?;
                }
                summaries.push(Summary::new(&replay, args.metric.goal(), args.best));
            }
            rows.push(Row {
                group,
                policy,
                summary: Summary::mean(&summaries),
            });
        }
    }
    if let Some(per_trial) = per_trial {
        per_trial.finish()?;
    }
    let out = BufWriter::new(io::stdout().lock());
    match args.format {
        Format::Table => text::write(out, &rows),
        Format::Json => json::write(out, &rows),
    }
    .context("cannot write the result")?;
    Ok(Ending::Done)
}

/// The experiments of all files.
fn groups(args: &EvaluateArgs) -> Result<Vec<Group>, Failure> {
    let mut groups: Vec<Group> = Vec::new();
    for path in &args.curves {
        let curves =
            curves::read(path, &args.columns, args.metric.range()?).map_err(Failure::input)?;
        let first = groups.len();
        for curve in curves {
            let name = args.group_of(&curve.id);
            match groups[first..].iter_mut().find(|group| group.name == name) {
                Some(group) => group.curves.push(curve),
                None => groups.push(Group {
                    path: path.clone(),
                    name,
                    target: Epoch::ONE,
                    curves: vec![curve],
                }),
            }
        }
        for group in &mut groups[first..] {
            group.target = args.target.unwrap_or_else(|| last_epoch(&group.curves));
        }
    }
    Ok(groups)
}

fn last_epoch(curves: &[Curve]) -> Epoch {
    let epochs = curves.iter().flat_map(|curve| &curve.observations);
    epochs.map(|point| point.epoch).max().unwrap_or(Epoch::ONE)
}

fn replay(
    args: &EvaluateArgs,
    group: &Group,
    policy: &Policy,
    seed: u64,
) -> Result<Replay, Failure> {
    let settings = Arc::new(Settings {
        goal: args.metric.goal(),
        range: args.metric.range()?,
        policy: policy.spec.clone(),
        ..Settings::accuracy(group.target)
    });
    let curves: Vec<&[Observation]> = group
        .curves
        .iter()
        .map(|curve| curve.observations.as_slice())
        .collect();
    let schedule = Schedule {
        workers: args.workers,
        seed,
    };
    let start = Instant::now();
    replay::run(&settings, &curves, schedule, || start.elapsed()).map_err(|failure| {
        let curve = match failure {
            replay::Failure::NoWorkers => None,
            replay::Failure::EmptyCurve { curve } | replay::Failure::Refused { curve, .. } => {
                group.curves.get(curve)
            }
        };
        let id = curve.map_or("", |curve| &curve.id);
        let place = format!("{}: curve `{id}`", group.path.display());
        Failure::input(anyhow::Error::from(failure).context(place))
    })
}

/// A file's name without its folder and extensions.
fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    let name = name.to_string_lossy();
    name.trim_end_matches(".gz")
        .trim_end_matches(".csv")
        .to_owned()
}

#[cfg(test)]
mod tests;
