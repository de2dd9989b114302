//! For programs: a JSON object a line for each observation.

use std::io::{self, Write};

use peng_predict::{Interval, Prediction, Reason, family};
use serde::Serialize;

use super::Judged;
use crate::output::word;

/// One observation and the decision on it. From a STOP on the decision is that STOP.
#[derive(Serialize)]
struct Line<'a> {
    curve_id: &'a str,
    epoch: f64,
    /// Null where it is not finite.
    value: f64,
    /// `CONTINUE` or `STOP`.
    verdict: String,
    reason: String,
    /// The reason in a sentence, with its numbers.
    explanation: String,
    prediction: Option<f64>,
    interval: Option<&'a Interval>,
    family: Option<family::Name>,
    parameters: Option<&'a [f64]>,
    sse: Option<f64>,
    points: Option<usize>,
    /// How the fit ended: `CONVERGED`, `AT_BOUND`, or why there is none, as `OVERFLOW`. Null where
    /// none was asked for.
    outcome: Option<String>,
}

/// Writes the lines of all curves, each by epoch.
pub(super) fn write(mut out: impl Write, judged: &[Judged]) -> io::Result<()> {
    for Judged { id, session } in judged {
        for (observation, decision) in session.observations() {
            let prediction = decision.prediction.as_ref();
            let curve = prediction.and_then(|prediction| prediction.curve.as_ref());
            let line = Line {
                curve_id: id,
                epoch: observation.epoch.get(),
                value: observation.value,
                verdict: word(decision.verdict),
                reason: word(decision.reason.code()),
                explanation: decision.to_string(),
                prediction: prediction.map(|p: &Prediction| p.fitness),
                interval: prediction.and_then(|p| p.interval.as_ref()),
                family: curve.map(|curve| curve.family),
                parameters: curve.map(|curve| &*curve.parameters),
                sse: curve.map(|curve| curve.sse),
                points: curve.map(|curve| curve.points),
                outcome: match (curve, &decision.reason) {
                    (Some(curve), _) => Some(word(curve.outcome)),
                    (None, Reason::NoFit { why }) => Some(word(why)),
                    (None, _) => None,
                },
            };
            serde_json::to_writer(&mut out, &line)?;
            writeln!(out)?;
        }
    }
    out.flush()
}
