//! How a search comes along: events as they happen, and the whole at a moment.

use peng_proto::v1;
use peng_search::{
    Candidate, Search,
    candidate::{Ending, Id, Outcome},
    search::Progress,
};

/// Something happened to a candidate.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The candidate.
    pub candidate: Id,
    /// Its attempt, from 1.
    pub attempt: u32,
    /// What happened.
    pub kind: Kind,
}

/// What happened to a candidate.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A worker has it.
    Leased {
        /// The worker's name.
        worker: String,
    },
    /// An epoch was reported. What was reported before a restart of the orchestrator may come
    /// again.
    Observed {
        /// The epoch, above 0.
        epoch: f64,
        /// The accuracy in percent; NaN or infinite where the training diverged.
        value: f64,
        /// What was decided.
        decision: v1::Decision,
    },
    /// Its worker gave it back; it will be lent again.
    GivenBack {
        /// Why, for people.
        reason: String,
    },
    /// Its lease ran out, or what trained it has crashed; it will be lent again.
    Lost {
        /// Which of them, for people.
        reason: String,
    },
    /// It is evaluated.
    Settled(Outcome),
}

/// A search at a moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The candidates in the order of proposal.
    pub candidates: Vec<Candidate>,
    /// What is told of all of them together.
    pub summary: Summary,
}

/// A search at a moment, without its candidates.
#[derive(Debug, Clone)]
pub struct Summary {
    /// Those candidates that no other beats in both fitness and operations, by rising operations.
    pub front: Vec<Id>,
    /// How many are where.
    pub progress: Progress,
    /// Epochs of the settled candidates.
    pub epochs: Epochs,
    /// Whether no candidate is lent until it is resumed.
    pub paused: bool,
}

impl Snapshot {
    /// Of a search whose whole trainings have so many epochs.
    pub(crate) fn of(search: &Search, epochs: u32) -> Self {
        Self {
            candidates: search.candidates().to_vec(),
            summary: Summary::of(search, epochs),
        }
    }
}

impl Summary {
    /// Of a search whose whole trainings have so many epochs.
    pub(crate) fn of(search: &Search, epochs: u32) -> Self {
        Self {
            front: search.front(),
            progress: search.progress(),
            epochs: Epochs::count(search.candidates(), epochs),
            paused: search.is_paused(),
        }
    }
}

/// Epochs of settled candidates. Attempts that were lost or given back do not count.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Epochs {
    /// Trained.
    pub trained: f64,
    /// What obeying the verdicts takes: equals `trained` unless they were only advised.
    pub obeyed: f64,
    /// What training without verdicts takes. A failed candidate counts as far as it was trained.
    pub full: f64,
}

impl Epochs {
    /// Counts the settled candidates; a whole training has `epochs`.
    pub(crate) fn count(candidates: &[Candidate], epochs: u32) -> Self {
        let outcomes = candidates.iter().filter_map(Candidate::outcome);
        outcomes.fold(Self::default(), |sum, outcome| Self {
            trained: sum.trained + outcome.epochs,
            obeyed: sum.obeyed + outcome.stop_epoch.unwrap_or(outcome.epochs),
            full: sum.full
                + match outcome.ending {
                    Ending::Succeeded | Ending::Stopped => f64::from(epochs),
                    Ending::Failed | Ending::Cancelled => outcome.epochs,
                },
        })
    }

    /// The share of `full` that verdicts saved, or would have saved where they were only advised;
    /// 0 to 1.
    pub fn saved(&self) -> f64 {
        if self.full > 0.0 {
            1.0 - self.obeyed / self.full
        } else {
            0.0
        }
    }
}
