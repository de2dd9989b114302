//! Candidates and the names of their trials.

use peng_search::{
    Candidate, Space,
    candidate::{Ending, Id, State},
};

use super::{outcome_to_wire, space_to_wire};
use crate::{names, v1};

/// How often a candidate was leased.
pub fn attempts(candidate: &Candidate) -> u32 {
    match candidate.state {
        State::Proposed => candidate.attempt.saturating_sub(1),
        State::Leased(_) | State::Settled(_) => candidate.attempt,
    }
}

/// The trial that an attempt began: that of `c0003`'s first is
/// `experiments/{search}/trials/c0003-1`. The experiment has the search's id.
#[allow(clippy::missing_panics_doc, reason = "the text is an id")]
pub fn trial_name(search: &names::Search, candidate: Id, attempt: u32) -> names::Trial {
    let id = format!("{candidate}-{attempt}");
    names::Trial {
        experiment: names::Experiment(search.0.clone()),
        id: id
            .parse()
            .expect("a letter, digits, '-' and digits are an id"),
    }
}

/// A candidate for the wire.
pub fn candidate_to_wire(
    search: &names::Search,
    space: &Space,
    candidate: &Candidate,
) -> v1::Candidate {
    let attempt = attempts(candidate);
    let trial = match candidate.state {
        State::Proposed => candidate.continues,
        State::Leased(_) | State::Settled(_) => Some(candidate.trial()),
    };
    let trial = trial.map(|begun| trial_name(search, candidate.id, begun).to_string());
    v1::Candidate {
        name: format!("{search}/candidates/{}", candidate.id),
        state: state_to_wire(&candidate.state).into(),
        space: Some(space_to_wire(space)),
        genome: candidate.genome.to_string(),
        flops: candidate.flops,
        parameters: candidate.parameters,
        seed: candidate.seed,
        attempt,
        generation: candidate.generation,
        trial: trial.unwrap_or_default(),
        worker: candidate
            .lease()
            .map(|lease| lease.worker.clone())
            .unwrap_or_default(),
        outcome: candidate.outcome().map(outcome_to_wire),
    }
}

const fn state_to_wire(state: &State) -> v1::CandidateState {
    match state {
        State::Proposed => v1::CandidateState::Proposed,
        State::Leased(_) => v1::CandidateState::Leased,
        State::Settled(outcome) => match outcome.ending {
            Ending::Succeeded => v1::CandidateState::Succeeded,
            Ending::Stopped => v1::CandidateState::Stopped,
            Ending::Failed | Ending::Cancelled => v1::CandidateState::Failed,
        },
    }
}
