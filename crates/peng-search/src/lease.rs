//! What is said of leases: a candidate lent, renewed, given back, settled, or why not.

use std::time::SystemTime;

use crate::candidate::{Candidate, Id, Outcome};

/// What a worker that asks for work is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Train this candidate; its lease is in its state.
    Leased(Candidate),
    /// Everything proposed is lent, or the search is paused; ask again when a candidate settles,
    /// when a lease may be lost, or when the search is resumed.
    Wait {
        /// The next deadline of a running lease.
        until: Option<SystemTime>,
    },
    /// Every candidate of the budget is settled.
    Finished,
}

/// An answer, and what to store before it is given.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Reply {
    /// What the worker is told.
    pub answer: Answer,
    /// The candidates that changed: expired, newly proposed, and the one leased.
    pub changed: Vec<Candidate>,
}

/// What came of settling a candidate.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub enum Settlement {
    /// Settled now. The candidates that changed: itself first, then those newly proposed.
    Settled(Vec<Candidate>),
    /// Settled before, with this outcome; nothing changed.
    AlreadySettled(Outcome),
}

/// Why a lease cannot be renewed, given back or settled.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The search has no such candidate.
    #[error("candidate {id} is unknown: the search has proposed {proposed} candidates so far")]
    Unknown {
        /// The id.
        id: Id,
        /// How many candidates there are.
        proposed: usize,
    },
    /// The token is not that of the running lease.
    #[error(
        "the token is stale: this lease of candidate {id} ran out or was given back, and another \
         worker may have it; ask for a new candidate"
    )]
    Stale {
        /// The candidate.
        id: Id,
    },
    /// The candidate is settled, so no lease of it runs.
    #[error("candidate {id} is settled already: stop training and ask for a new candidate")]
    Settled {
        /// The candidate.
        id: Id,
    },
    /// The outcome's epochs are not a number of epochs.
    #[error("outcome.epochs of candidate {id} is {epochs}: it must be finite and not negative")]
    Epochs {
        /// The candidate.
        id: Id,
        /// What was given.
        epochs: f64,
    },
}
