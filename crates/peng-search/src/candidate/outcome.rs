//! What became of a candidate.

use serde::{Deserialize, Serialize};

/// How a candidate's training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Ending {
    /// Trained to the target epoch.
    Succeeded,
    /// Stopped early by a verdict.
    Stopped,
    /// Could not be trained: an error, or too many lost leases.
    Failed,
    /// Given up by a person.
    Cancelled,
}

/// Where a prediction says that the true fitness lies, in the unit of the experiment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end, finite.
    pub lower: f64,
    /// Upper end, finite, not below the lower one.
    pub upper: f64,
    /// The probability that it is meant to have, in (0, 1).
    pub level: f64,
}

/// What became of a candidate. Values are in the unit of the experiment (percent by default).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// How its training ended.
    pub ending: Ending,
    /// The last value observed: the true fitness if it was trained to the target epoch. `None`
    /// where there is none, a diverged training for one.
    pub measured: Option<f64>,
    /// The fitness that the first STOP verdict predicted; in ADVISE mode training goes on after
    /// it and the prediction is kept. For a verdict without a prediction (a median or patience
    /// rule) the value observed at its epoch. `None` without a verdict or after a divergence.
    pub predicted: Option<f64>,
    /// The interval of that verdict's prediction; `None` where it gave none.
    #[serde(default)]
    pub interval: Option<Interval>,
    /// Epochs trained; finite, not negative.
    pub epochs: f64,
    /// Why it ended, for a person: a verdict's reason or an error's message.
    pub reason: String,
    /// The epoch of the first STOP verdict, obeyed or not.
    pub stop_epoch: Option<f64>,
}

impl Outcome {
    /// A training that ran to its target epoch without a STOP verdict.
    pub fn succeeded(measured: f64, epochs: f64) -> Self {
        Self {
            ending: Ending::Succeeded,
            measured: Some(measured),
            predicted: None,
            interval: None,
            epochs,
            reason: String::new(),
            stop_epoch: None,
        }
    }

    /// A training that failed after so many epochs, and why.
    pub fn failed(reason: impl Into<String>, epochs: f64) -> Self {
        Self {
            ending: Ending::Failed,
            measured: None,
            predicted: None,
            interval: None,
            epochs,
            reason: reason.into(),
            stop_epoch: None,
        }
    }

    /// What the candidate is ranked by: the predicted value where a verdict said STOP, obeyed or
    /// not, else the measured one. So a search makes the same choices in ADVISE as in ENFORCE mode.
    ///
    /// `None` (ranked last) for failed and cancelled trainings and where the value is missing, NaN
    /// or infinite.
    pub fn fitness(&self) -> Option<f64> {
        match self.ending {
            Ending::Succeeded | Ending::Stopped => self.predicted.or(self.measured),
            Ending::Failed | Ending::Cancelled => None,
        }
        .filter(|value| value.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_counts_the_same_obeyed_or_not() {
        let stopped = Outcome {
            ending: Ending::Stopped,
            predicted: Some(88.0),
            stop_epoch: Some(4.0),
            ..Outcome::succeeded(80.0, 4.0)
        };
        let advised = Outcome {
            ending: Ending::Succeeded,
            measured: Some(90.0),
            epochs: 12.0,
            ..stopped.clone()
        };
        assert_eq!(
            (stopped.fitness(), advised.fitness()),
            (Some(88.0), Some(88.0))
        );
    }

    #[test]
    fn what_cannot_be_ranked_has_no_fitness() {
        assert_eq!(Outcome::failed("out of memory", 2.0).fitness(), None);
        assert_eq!(Outcome::succeeded(f64::NAN, 2.0).fitness(), None);
    }
}
