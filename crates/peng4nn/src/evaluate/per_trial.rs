//! A CSV row for every replayed curve.

use std::{fs::File, path::Path};

use anyhow::Context;
use peng_predict::replay::{Replay, State};

use super::{Group, Policy};

/// Writes the file while the replays run.
pub(super) struct Writer {
    csv: csv::Writer<File>,
}

const HEADS: [&str; 10] = [
    "file",
    "seed",
    "curve_id",
    "epochs_used",
    "reported_fitness",
    "lower",
    "upper",
    "state",
    "reason",
    "policy",
];

impl Writer {
    pub(super) fn create(path: &Path) -> anyhow::Result<Self> {
        let file = File::create(path);
        let file = file.with_context(|| format!("cannot write {}", path.display()))?;
        let mut csv = csv::Writer::from_writer(file);
        csv.write_record(HEADS)?;
        Ok(Self { csv })
    }

    pub(super) fn write(
        &mut self,
        policy: &Policy,
        group: &Group,
        seed: u64,
        replay: &Replay,
    ) -> anyhow::Result<()> {
        let (file, seed) = (group.path.display().to_string(), seed.to_string());
        for trial in &replay.trials {
            let end = |end: Option<f64>| end.map_or_else(String::new, |end| end.to_string());
            let state = match trial.state {
                State::Succeeded => "SUCCEEDED",
                State::Stopped => "STOPPED",
            };
            let reason = trial.reason.map(|reason| reason.code());
            let reason = reason.map(|code| format!("{code:?}").to_uppercase());
            self.csv.write_record([
                file.as_str(),
                &seed,
                &group.curves[trial.curve].id,
                &trial.observations.to_string(),
                &trial.reported.to_string(),
                &end(trial.interval.map(|interval| interval.lower)),
                &end(trial.interval.map(|interval| interval.upper)),
                state,
                &reason.unwrap_or_default(),
                &policy.label,
            ])?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        Ok(self.csv.flush()?)
    }
}
