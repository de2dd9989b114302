//! A candidate: one architecture that the search proposed, and what became of it.

mod id;
mod outcome;

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::space::Genome;
pub use id::{Id, ParseIdError};
pub use outcome::{Ending, Interval, Outcome};

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
    /// Leases lost so far: their deadline passed, or their worker crashed. Leases given back do not
    /// count.
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

/// A candidate's loan to one worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Names this loan among all of this search: whoever acts on the candidate must show it, so
    /// that a worker that lost its lease cannot disturb the next one. It derives from the seed,
    /// the candidate and the attempt: it fences, it does not authenticate.
    pub token: String,
    /// The name that the worker gave itself.
    pub worker: String,
    /// When it is lost unless renewed.
    pub deadline: SystemTime,
}
