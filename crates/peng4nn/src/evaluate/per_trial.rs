//! A CSV row for every replayed curve.

use std::{fs::File, path::Path};

use anyhow::Context;
use peng_predict::replay::State;

use super::replays::Run;
use crate::output::word;

const HEADS: [&str; 9] = [
    "file",
    "seed",
    "curve_id",
    "epochs_used",
    "reported_fitness",
    "lower",
    "upper",
    "state",
    "reason",
];

/// Writes the file; with `policies`, each row ends with its policy.
pub(super) fn write(path: &Path, runs: &[Run<'_>], policies: bool) -> anyhow::Result<()> {
    let unwritable = || format!("cannot write {}", path.display());
    let file = File::create(path).with_context(unwritable)?;
    let mut csv = csv::Writer::from_writer(file);
    let heads = HEADS.into_iter().chain(policies.then_some("policy"));
    csv.write_record(heads).with_context(unwritable)?;
    for run in runs {
        write_run(&mut csv, run, policies).with_context(unwritable)?;
    }
    csv.flush().with_context(unwritable)
}

fn write_run(csv: &mut csv::Writer<File>, run: &Run<'_>, policies: bool) -> csv::Result<()> {
    let (file, seed) = (run.group.path.display().to_string(), run.seed.to_string());
    for trial in &run.replay.trials {
        let end = |end: Option<f64>| end.map_or_else(String::new, |end| end.to_string());
        let state = match trial.state {
            State::Succeeded => "SUCCEEDED",
            State::Stopped => "STOPPED",
        };
        let reason = trial.reason.map(|reason| word(reason.code()));
        let row = [
            file.as_str(),
            &seed,
            &run.group.curves[trial.curve].id,
            &trial.observations.to_string(),
            &trial.reported.to_string(),
            &end(trial.interval.map(|interval| interval.lower)),
            &end(trial.interval.map(|interval| interval.upper)),
            state,
            &reason.unwrap_or_default(),
        ];
        let policy = policies.then_some(run.policy.label.as_str());
        csv.write_record(row.into_iter().chain(policy))?;
    }
    Ok(())
}
