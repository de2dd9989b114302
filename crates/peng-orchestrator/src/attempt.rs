//! Attempts at a candidate, by their trials: a lease trains in a trial of its own, or goes on in
//! that of the lease before.

use peng_proto::{names, search::trial_name};
use peng_search::{
    Candidate,
    candidate::{Id, State},
};

/// A lease of a candidate, and those that went on with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) candidate: Id,
    /// The lease that began the trial, from 1.
    pub(crate) number: u32,
}

impl Attempt {
    /// The attempt whose trial has that name; `None` for a trial of something else.
    pub(crate) fn of_trial(trial: &str) -> Option<Self> {
        let (_, id) = trial.rsplit_once('/')?;
        let (candidate, number) = id.rsplit_once('-')?;
        Some(Self {
            candidate: candidate.parse().ok()?,
            number: number.parse().ok()?,
        })
    }

    /// The attempt that runs, has settled the candidate or, where it waits, was the last.
    pub(crate) fn latest(candidate: &Candidate) -> Self {
        Self {
            candidate: candidate.id,
            number: candidate.trial(),
        }
    }

    /// Whether the candidate is lent for this attempt.
    pub(crate) fn runs(self, candidate: &Candidate) -> bool {
        matches!(candidate.state, State::Leased(_)) && Self::latest(candidate) == self
    }

    pub(crate) fn trial(self, search: &names::Search) -> names::Trial {
        trial_name(search, self.candidate, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trial_tells_the_attempt() {
        let attempt = Attempt {
            candidate: "c0003".parse().unwrap(),
            number: 2,
        };
        let name = attempt
            .trial(&"searches/my-search".parse().unwrap())
            .to_string();
        assert_eq!(name, "experiments/my-search/trials/c0003-2");
        assert_eq!(Attempt::of_trial(&name), Some(attempt));
        for other in [
            "experiments/my-search/trials/mine",
            "c0003",
            "a/c3-1",
            "a/c0003-x",
        ] {
            assert_eq!(Attempt::of_trial(other), None);
        }
    }
}
