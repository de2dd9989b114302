//! The experiments of the files.

use std::{path::PathBuf, sync::Arc};

use peng_curves::Curve;
use peng_predict::{Epoch, Observation, ValueRange};

use super::EvaluateArgs;
use crate::exit::Failure;

/// The curves of one experiment.
pub(super) struct Group {
    pub(super) path: PathBuf,
    /// What the pattern found in the curves' names; none without a pattern.
    pub(super) name: Option<String>,
    pub(super) target: Epoch,
    pub(super) range: ValueRange,
    /// By name, so that the order of a file's rows does not matter.
    pub(super) curves: Vec<Curve>,
}

impl Group {
    /// The observations of each curve.
    pub(super) fn observations(&self) -> Vec<&[Observation]> {
        let curves = self.curves.iter();
        curves.map(|curve| curve.observations.as_slice()).collect()
    }

    /// How many curves end before the target epoch, and not because they diverged.
    pub(super) fn short(&self) -> usize {
        let ends = self
            .curves
            .iter()
            .filter_map(|curve| curve.observations.last());
        ends.filter(|last| last.epoch < self.target && last.value.is_finite())
            .count()
    }

    /// A file's name without its folder and extensions.
    pub(super) fn file(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        let name = name.to_string_lossy();
        name.trim_end_matches(".gz")
            .trim_end_matches(".csv")
            .to_owned()
    }
}

/// The experiments of all files, in the order of the files.
pub(super) fn read(args: &EvaluateArgs) -> Result<Vec<Group>, Failure> {
    let mut groups: Vec<Group> = Vec::new();
    for path in &args.curves {
        let readable = args.metric.readable()?;
        let mut curves =
            peng_curves::read(path, &args.columns(), readable).map_err(Failure::input)?;
        if let Some(doubt) = args.metric.doubt(&curves) {
            eprintln!("{}: {doubt}", path.display());
        }
        let range = args.metric.range(&mut curves)?;
        if let Some(schedule) = args.schedule.clone().map(Arc::new) {
            for curve in &mut curves {
                curve.schedule = Some(Arc::clone(&schedule));
            }
        }
        if let Some(split) = args.split {
            curves.retain(|curve| split.holds(&curve.id));
            if curves.is_empty() {
                let file = path.display();
                let why = format!("--split: no curve of {file} is in that part");
                return Err(Failure::input(anyhow::anyhow!(why)));
            }
        }
        curves.sort_by(|one, other| one.id.cmp(&other.id));
        let first = groups.len();
        for curve in curves {
            let name = args.group_of(&curve.id)?;
            match groups[first..].iter_mut().find(|group| group.name == name) {
                Some(group) => group.curves.push(curve),
                None => groups.push(Group {
                    path: path.clone(),
                    name,
                    target: Epoch::ONE,
                    range,
                    curves: vec![curve],
                }),
            }
        }
        for group in &mut groups[first..] {
            group.target = args.target.unwrap_or_else(|| last_epoch(&group.curves));
        }
        let short: usize = groups[first..].iter().map(Group::short).sum();
        if short > 0 {
            eprintln!(
                "{}: {short} curves end before the target epoch; what they end with counts as \
                 their fitness",
                path.display()
            );
        }
    }
    Ok(groups)
}

fn last_epoch(curves: &[Curve]) -> Epoch {
    let epochs = curves.iter().flat_map(|curve| &curve.observations);
    epochs.map(|point| point.epoch).max().unwrap_or(Epoch::ONE)
}
