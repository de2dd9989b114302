//! The figures of each experiment and policy.

use std::path::Path;

use peng_predict::{Epoch, Goal, ValueRange, metrics::Summary};

use super::{groups::Group, policies::Policy, replays::Run};

/// What a policy did on an experiment, or on all experiments of a file, in the mean over the
/// seeds.
pub(super) struct Row<'a> {
    pub(super) path: &'a Path,
    /// The file's short name.
    pub(super) file: String,
    /// The experiment's name; none for a file as a whole.
    pub(super) group: Option<&'a str>,
    pub(super) curves: usize,
    pub(super) target: Epoch,
    pub(super) range: ValueRange,
    pub(super) policy: &'a Policy,
    pub(super) summary: Summary,
}

/// A row for each experiment and policy, and where a file has several experiments, after them,
/// one for the mean of them and each policy. `runs` is by experiment, policy and seed; `best` is
/// the fraction that the search is after.
pub(super) fn new<'a>(
    runs: &[Run<'a>],
    groups: &'a [Group],
    policies: usize,
    goal: Goal,
    best: f64,
) -> Vec<Row<'a>> {
    let seeds = runs.len() / (groups.len() * policies).max(1);
    let rows: Vec<Row<'a>> = runs
        .chunks(seeds.max(1))
        .map(|runs| experiment(runs, goal, best))
        .collect();
    let mut all = Vec::new();
    let mut rows = rows.into_iter().peekable();
    while let Some(first) = rows.next() {
        let mut file = vec![first];
        while let Some(row) = rows.next_if(|row| row.path == file[0].path) {
            file.push(row);
        }
        let means = match file[0].group {
            Some(_) => (0..policies)
                .map(|policy| mean(file.iter().skip(policy).step_by(policies)))
                .collect(),
            None => Vec::new(),
        };
        all.extend(file);
        all.extend(means.into_iter().flatten());
    }
    all
}

fn experiment<'a>(runs: &[Run<'a>], goal: Goal, best: f64) -> Row<'a> {
    let Run { group, policy, .. } = &runs[0];
    let summaries: Vec<Summary> = runs
        .iter()
        .map(|run| Summary::new(&run.replay, goal, best))
        .collect();
    Row {
        path: &group.path,
        file: group.file(),
        group: group.name.as_deref(),
        curves: group.curves.len(),
        target: group.target,
        range: group.range,
        policy,
        summary: Summary::mean(&summaries),
    }
}

/// The row of a whole file, of the rows of its experiments with one policy.
fn mean<'r, 'a: 'r>(experiments: impl Iterator<Item = &'r Row<'a>>) -> Option<Row<'a>> {
    let experiments: Vec<&Row<'a>> = experiments.collect();
    let summaries: Vec<Summary> = experiments.iter().map(|row| row.summary.clone()).collect();
    let first = experiments.first()?;
    Some(Row {
        path: first.path,
        file: first.file.clone(),
        group: None,
        curves: experiments.iter().map(|row| row.curves).sum(),
        target: experiments.iter().map(|row| row.target).max()?,
        range: first.range,
        policy: first.policy,
        summary: Summary::mean(&summaries),
    })
}
