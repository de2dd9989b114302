//! A candidate: one architecture that the search proposed, and what became of it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::lease::Lease;
use crate::space::Genome;

/// A candidate's name: `c0001`, `c0002`, ... in the order of proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Id(u32);

/// A text is not a candidate's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a candidate's id: it must be 'c' and the number from 1, with at least four \
     digits, as in c0001"
)]
pub struct ParseIdError {
    text: String,
}

impl Id {
    /// The id of the candidate at a place in the order of proposal, from 0.
    pub(crate) fn at(index: usize) -> Self {
        Self(u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1))
    }

    /// The number in the name, from 1.
    pub fn number(self) -> u32 {
        self.0
    }

    /// The place in the order of proposal, from 0.
    pub(crate) fn index(self) -> usize {
        self.0 as usize - 1
    }
}

impl fmt::Display for Id {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&format!("c{:04}", self.0))
    }
}

impl FromStr for Id {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        text.strip_prefix('c')
            .and_then(|digits| digits.parse().ok())
            .filter(|&number| number > 0)
            .map(Self)
            .filter(|id| id.to_string() == text)
            .ok_or_else(|| ParseIdError {
                text: text.to_owned(),
            })
    }
}

impl TryFrom<String> for Id {
    type Error = ParseIdError;

    fn try_from(text: String) -> Result<Self, ParseIdError> {
        text.parse()
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.to_string()
    }
}

/// One architecture proposed by the search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its name.
    pub id: Id,
    /// Its genome.
    pub genome: Genome,
    /// The seed of its training (initial weights, order of images), below 2^63.
    pub seed: u64,
    /// Operations of one forward pass, as [`crate::Network::flops`] counts them.
    pub flops: u64,
    /// Trainable parameters, as [`crate::Network::parameters`] counts them.
    pub parameters: u64,
    /// Where it stands.
    pub state: State,
    /// The attempt that runs, comes next or settled it, from 1: raised when a lease is given
    /// back or lost.
    pub attempt: u32,
    /// The attempt that began the trial which this one reports to, or the last one did; none where
    /// that is the attempt's own.
    #[serde(default)]
    pub continues: Option<u32>,
    /// Leases lost so far: their deadline passed. Leases given back do not count.
    pub losses: u32,
    /// The generation that it belongs to, from 0; always 0 in a random search.
    pub generation: u32,
}

impl Candidate {
    /// The attempt that began the trial which the latest one reports to, from 1: itself, or an
    /// earlier one that it goes on with.
    pub fn trial(&self) -> u32 {
        self.continues.unwrap_or(self.attempt)
    }

    /// The running lease, if it is lent.
    pub fn lease(&self) -> Option<&Lease> {
        match &self.state {
            State::Leased(lease) => Some(lease),
            State::Proposed | State::Settled(_) => None,
        }
    }

    /// What became of it, if it is settled.
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.state {
            State::Settled(outcome) => Some(outcome),
            State::Proposed | State::Leased(_) => None,
        }
    }

    /// What it is ranked by; see [`Outcome::fitness`].
    pub fn fitness(&self) -> Option<f64> {
        self.outcome().and_then(Outcome::fitness)
    }
}

/// Where a candidate stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waits for a worker.
    Proposed,
    /// Lent to a worker.
    Leased(Lease),
    /// Evaluated, once and for all.
    Settled(Outcome),
}

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
    fn ids_round_trip_and_nothing_else_is_one() {
        for (number, text) in [(1, "c0001"), (9999, "c9999"), (12345, "c12345")] {
            assert_eq!(Id(number).to_string(), text);
            assert_eq!(text.parse(), Ok(Id(number)));
        }
        for text in [
            "",
            "c",
            "c1",
            "c0000",
            "c00001",
            "0001",
            "c+001",
            "c99999999999",
        ] {
            assert!(text.parse::<Id>().is_err(), "{text}");
        }
    }

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
