//! Observations as rows.

use std::io::Write;

use peng_store::{Event, EventKind};

use super::{Sink, seconds};
use crate::output::word;

const HEAD: [&str; 9] = [
    "curve_id",
    "epoch",
    "val_accuracy",
    "verdict",
    "reason",
    "predicted",
    "lower_90",
    "upper_90",
    "time",
];

/// A CSV file.
pub(super) struct Rows<W: Write>(csv::Writer<W>);

impl<W: Write> Rows<W> {
    /// With its head.
    pub(super) fn new(out: W) -> anyhow::Result<Self> {
        let mut rows = csv::Writer::from_writer(out);
        rows.write_record(HEAD)?;
        Ok(Self(rows))
    }
}

impl<W: Write> Sink for Rows<W> {
    fn event(&mut self, event: &Event) -> anyhow::Result<()> {
        let EventKind::Observed(logged) = &event.kind else {
            return Ok(());
        };
        // A curve has an epoch once.
        if event.retracted {
            return Ok(());
        }
        let prediction = logged.decision.prediction.as_ref();
        let interval = prediction.and_then(|prediction| prediction.interval);
        let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
        self.0.write_record([
            event.trial.clone(),
            logged.observation.epoch.get().to_string(),
            logged.observation.value.to_string(),
            word(logged.decision.verdict),
            word(logged.decision.reason.code()),
            number(prediction.map(|prediction| prediction.fitness)),
            number(interval.map(|interval| interval.lower)),
            number(interval.map(|interval| interval.upper)),
            seconds(event).to_string(),
        ])?;
        Ok(())
    }

    fn end(mut self) -> anyhow::Result<()> {
        Ok(self.0.flush()?)
    }
}
