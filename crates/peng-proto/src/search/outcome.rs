//! What came of a candidate, as a worker reports it and as it is settled.

use peng_predict::ValueRange;
use peng_search::candidate::{Interval, Outcome};

use crate::{error::Error, v1};

/// How a worker hands a candidate back.
#[derive(Debug, Clone, PartialEq)]
pub enum Report {
    /// Trained to the end.
    Succeeded {
        /// The value at the last epoch, in the range of the experiment.
        measured: f64,
        /// Epochs trained: all of the training's.
        epochs: f64,
    },
    /// Stopped early by a verdict.
    Stopped,
    /// Ended by an error.
    Failed {
        /// What went wrong; at most 1,000 characters.
        reason: String,
        /// Epochs trained.
        epochs: f64,
    },
    /// The worker has to leave.
    Preempted {
        /// Why; at most 1,000 characters.
        reason: String,
    },
    /// What trained it has crashed.
    Lost {
        /// By what; at most 1,000 characters.
        reason: String,
    },
}

impl Report {
    /// Reads the `state` and `outcome` of a request. `epochs` is how many a whole
    /// training has, `range` what the metric can be.
    pub fn parse(
        request: &v1::CompleteCandidateRequest,
        epochs: u32,
        range: ValueRange,
    ) -> Result<Self, Error> {
        let outcome = request.outcome.clone().unwrap_or_default();
        let trained = trained(outcome.epochs, epochs).map_err(|error| error.within("outcome"))?;
        let reason = for_people(&outcome.reason);
        match v1::CandidateState::try_from(request.state) {
            Ok(v1::CandidateState::Succeeded) => {
                Self::succeeded(outcome.measured, trained, epochs, range)
                    .map_err(|error| error.within("outcome"))
            }
            Ok(v1::CandidateState::Stopped) => Ok(Self::Stopped),
            Ok(v1::CandidateState::Failed) => Ok(Self::Failed {
                reason,
                epochs: trained,
            }),
            Ok(v1::CandidateState::Preempted) => Ok(Self::Preempted { reason }),
            Ok(v1::CandidateState::Lost) => Ok(Self::Lost { reason }),
            _ => Err(Error::field(
                "state",
                "is no end; SUCCEEDED, STOPPED, FAILED, PREEMPTED or LOST would be right",
            )),
        }
    }

    fn succeeded(
        measured: Option<f64>,
        trained: f64,
        epochs: u32,
        range: ValueRange,
    ) -> Result<Self, Error> {
        let measured = measured.ok_or_else(|| {
            Error::field("measured", "is missing; SUCCEEDED needs the last value")
        })?;
        if !range.contains(measured) {
            let wrong = format!("is {measured}; a value in {range} would be right");
            return Err(Error::field("measured", wrong));
        }
        if trained < f64::from(epochs) {
            let wrong = format!("is {trained}; SUCCEEDED needs all {epochs}");
            return Err(Error::field("epochs", wrong));
        }
        Ok(Self::Succeeded {
            measured,
            epochs: trained,
        })
    }
}

fn trained(trained: f64, epochs: u32) -> Result<f64, Error> {
    if (0.0..=f64::from(epochs)).contains(&trained) {
        return Ok(trained);
    }
    let wrong = format!("is {trained}; 0 to {epochs} would be right");
    Err(Error::field("epochs", wrong))
}

/// The first 1,000 characters, without control characters.
fn for_people(text: &str) -> String {
    const MOST: usize = 1_000;
    let shown = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    text.chars().filter(shown).take(MOST).collect()
}

/// An outcome for the wire.
pub fn outcome_to_wire(outcome: &Outcome) -> v1::Outcome {
    v1::Outcome {
        fitness: outcome.fitness(),
        measured: outcome.measured,
        predicted: outcome.predicted,
        interval: outcome.interval.map(|interval| v1::Interval {
            lower: interval.lower,
            upper: interval.upper,
            level: interval.level,
        }),
        stop_epoch: outcome.stop_epoch,
        epochs: outcome.epochs,
        reason: outcome.reason.clone(),
    }
}

/// The interval of a server's prediction; `None` for what is none: ends that are not finite or
/// change places, a probability that is not between 0 and 1.
pub fn interval_from_wire(wire: v1::Interval) -> Option<Interval> {
    let v1::Interval {
        lower,
        upper,
        level,
    } = wire;
    let is_one = lower.is_finite() && upper.is_finite() && lower <= upper;
    (is_one && level > 0.0 && level < 1.0).then_some(Interval {
        lower,
        upper,
        level,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(
        state: v1::CandidateState,
        change: impl FnOnce(&mut v1::Outcome),
    ) -> Result<Report, Error> {
        let mut outcome = v1::Outcome {
            measured: Some(91.0),
            epochs: 12.0,
            ..v1::Outcome::default()
        };
        change(&mut outcome);
        let request = v1::CompleteCandidateRequest {
            state: state.into(),
            outcome: Some(outcome),
            ..v1::CompleteCandidateRequest::default()
        };
        Report::parse(&request, 12, ValueRange::PERCENT)
    }

    #[test]
    fn what_is_wrong_is_named() {
        let field = |change: fn(&mut v1::Outcome)| {
            let error = parse(v1::CandidateState::Succeeded, change).unwrap_err();
            error.fields[0].0.clone()
        };
        assert_eq!(field(|o| o.measured = None), "outcome.measured");
        assert_eq!(field(|o| o.measured = Some(f64::NAN)), "outcome.measured");
        assert_eq!(field(|o| o.measured = Some(100.5)), "outcome.measured");
        assert_eq!(field(|o| o.epochs = 11.0), "outcome.epochs");
        assert_eq!(field(|o| o.epochs = f64::NAN), "outcome.epochs");
        assert_eq!(field(|o| o.epochs = 13.0), "outcome.epochs");
        let error = parse(v1::CandidateState::Leased, |_| {}).unwrap_err();
        assert_eq!(error.fields[0].0, "state");
    }

    #[test]
    fn an_interval_is_one_or_none() {
        let interval = |lower, upper, level| {
            interval_from_wire(v1::Interval {
                lower,
                upper,
                level,
            })
        };
        assert!(interval(80.0, 80.0, 0.9).is_some());
        for (lower, upper, level) in [
            (81.0, 80.0, 0.9),
            (f64::NAN, 80.0, 0.9),
            (80.0, f64::INFINITY, 0.9),
            (80.0, 81.0, 0.0),
            (80.0, 81.0, 1.0),
            (80.0, 81.0, f64::NAN),
        ] {
            assert_eq!(interval(lower, upper, level), None);
        }
    }

    #[test]
    fn a_long_reason_is_cut() {
        let report = parse(v1::CandidateState::Failed, |o| {
            o.reason = format!("\u{7}{}", "ä".repeat(2_000));
        });
        let Ok(Report::Failed { reason, .. }) = report else {
            panic!("{report:?}");
        };
        assert_eq!(reason, "ä".repeat(1_000));
    }
}
