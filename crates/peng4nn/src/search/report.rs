//! What came of a search.

use peng_orchestrator::progress::Snapshot;
use peng_predict::{
    Mode,
    policy::{self, Calibration},
};
use peng_proto::search::Training;
use peng_search::{
    Candidate, Settings,
    candidate::{Ending, Outcome},
};
use serde::Serialize;

use super::args::Plan;

/// What came of a search. Values are percent of validation accuracy.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) name: String,
    pub(super) settings: Settings,
    pub(super) training: Training,
    pub(super) mode: Mode,
    policy: policy::Spec,
    pub(super) epochs: Epochs,
    /// Ids of the candidates that no other beats in both fitness and FLOPs, by rising FLOPs.
    pub(super) pareto_front: Vec<String>,
    /// The id of the fittest.
    pub(super) best: Option<String>,
    /// The id of the one with the highest measured value.
    pub(super) best_measured: Option<String>,
    /// Only where verdicts were advised: predictions beside the truth.
    pub(super) comparison: Option<Comparison>,
    /// What the policy says its predictions were worth, where it keeps account of it.
    pub(super) calibration: Option<Calibration>,
    pub(super) candidates: Vec<Row>,
}

/// Epochs of the settled candidates.
#[derive(Debug, Serialize)]
pub(super) struct Epochs {
    pub(super) trained: f64,
    /// Without verdicts.
    pub(super) full: f64,
    /// By verdicts; where they were only advised, what they would have saved.
    pub(super) saved: f64,
    /// `saved` of `full`, 0 to 1.
    pub(super) saved_share: f64,
}

/// Predictions beside the truth.
#[derive(Debug, Serialize)]
pub(super) struct Comparison {
    /// How many candidates had a STOP with a prediction.
    pub(super) stops: usize,
    /// In points; none without a stop.
    pub(super) mean_absolute_error: Option<f64>,
    /// The largest, in points.
    pub(super) largest_error: Option<f64>,
    /// How many of them gave an interval.
    pub(super) intervals: usize,
    /// How many intervals hold the truth.
    pub(super) intervals_held: usize,
}

/// A candidate, as in candidates.csv.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) candidate: String,
    pub(super) state: &'static str,
    pub(super) genome: String,
    pub(super) generation: u32,
    /// Multiply-accumulate operations of one image.
    pub(super) flops: u64,
    pub(super) parameters: u64,
    /// Of its initial weights and the order of its images.
    pub(super) seed: u64,
    /// Trained.
    pub(super) epochs: f64,
    /// The last value.
    pub(super) measured: Option<f64>,
    /// By the first STOP.
    pub(super) predicted: Option<f64>,
    /// Lower end of its interval.
    pub(super) lower: Option<f64>,
    /// Upper end of its interval.
    pub(super) upper: Option<f64>,
    pub(super) stop_epoch: Option<f64>,
    /// What it is ranked by.
    pub(super) fitness: Option<f64>,
    /// `predicted` less the value at the target epoch, where that was measured.
    pub(super) prediction_error: Option<f64>,
    pub(super) on_front: bool,
    pub(super) attempts: u32,
    pub(super) reason: String,
}

impl Report {
    /// Sums a finished search up.
    pub(super) fn new(plan: &Plan, snapshot: &Snapshot, calibration: Option<Calibration>) -> Self {
        let config = &plan.config;
        let epochs = &snapshot.summary.epochs;
        let rows = snapshot.candidates.iter();
        let rows: Vec<_> = rows
            .filter_map(|candidate| {
                let on_front = snapshot.summary.front.contains(&candidate.id);
                Some(Row::new(candidate, candidate.outcome()?, on_front))
            })
            .collect();
        let advised = config.mode == Mode::Advise;
        Self {
            name: config.search.0.to_string(),
            settings: config.settings.clone(),
            training: config.training.clone(),
            mode: config.mode,
            policy: config.policy.clone(),
            epochs: Epochs {
                trained: epochs.trained,
                full: epochs.full,
                saved: epochs.full - epochs.obeyed,
                saved_share: epochs.saved(),
            },
            pareto_front: snapshot
                .summary
                .front
                .iter()
                .map(ToString::to_string)
                .collect(),
            best: best(&rows, |row| row.fitness),
            best_measured: best(&rows, |row| row.measured),
            comparison: advised.then(|| Comparison::new(&rows)),
            calibration,
            candidates: rows,
        }
    }

    /// Whether anything came of it.
    pub(super) fn has_fitness(&self) -> bool {
        self.best.is_some()
    }

    /// The candidate of that id.
    pub(super) fn row(&self, id: &str) -> Option<&Row> {
        self.candidates.iter().find(|row| row.candidate == id)
    }

    /// How many were given a STOP, obeyed or not.
    pub(super) fn stops(&self) -> usize {
        let rows = self.candidates.iter();
        rows.filter(|row| row.stop_epoch.is_some()).count()
    }
}

/// The id of the first row with the highest value.
fn best(rows: &[Row], value: impl Fn(&Row) -> Option<f64>) -> Option<String> {
    let valued = rows.iter().filter_map(|row| Some((row, value(row)?)));
    let best = valued.reduce(|best, next| if next.1 > best.1 { next } else { best });
    best.map(|(row, _)| row.candidate.clone())
}

impl Comparison {
    fn new(rows: &[Row]) -> Self {
        let errors: Vec<_> = rows
            .iter()
            .filter_map(|row| row.prediction_error.map(f64::abs))
            .collect();
        let stops = errors.len();
        let held: Vec<_> = rows.iter().filter_map(Row::is_held).collect();
        let mean = errors.iter().sum::<f64>() / stops as f64;
        Self {
            stops,
            mean_absolute_error: (stops > 0).then_some(mean),
            largest_error: errors.into_iter().reduce(f64::max),
            intervals: held.len(),
            intervals_held: held.into_iter().filter(|is_held| *is_held).count(),
        }
    }
}

impl Row {
    fn new(candidate: &Candidate, outcome: &Outcome, on_front: bool) -> Self {
        let succeeded = outcome.ending == Ending::Succeeded;
        let truth = outcome.measured.filter(|_| succeeded);
        Self {
            candidate: candidate.id.to_string(),
            state: match outcome.ending {
                Ending::Succeeded => "SUCCEEDED",
                Ending::Stopped => "STOPPED",
                Ending::Failed => "FAILED",
                Ending::Cancelled => "CANCELLED",
            },
            genome: candidate.genome.to_string(),
            generation: candidate.generation,
            flops: candidate.flops,
            parameters: candidate.parameters,
            seed: candidate.seed,
            epochs: outcome.epochs,
            measured: outcome.measured,
            predicted: outcome.predicted,
            lower: outcome.interval.map(|interval| interval.lower),
            upper: outcome.interval.map(|interval| interval.upper),
            stop_epoch: outcome.stop_epoch,
            fitness: outcome.fitness(),
            prediction_error: outcome.predicted.zip(truth).map(|(p, t)| p - t),
            on_front,
            attempts: candidate.attempt,
            reason: outcome.reason.clone(),
        }
    }

    /// Whether the truth lies in the interval, where both are known.
    fn is_held(&self) -> Option<bool> {
        let truth = self.predicted? - self.prediction_error?;
        Some((self.lower?..=self.upper?).contains(&truth))
    }
}

#[cfg(test)]
mod tests;
