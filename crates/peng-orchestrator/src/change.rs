//! What changes of the search lead to: what is to be stored, and what is told afterwards.

use std::time::SystemTime;

use peng_search::{
    Candidate, Search,
    candidate::{Id, Lease, Outcome, State},
    lease::{self, Settlement},
};
use peng_store::SearchChange;

use crate::{
    attempt::Attempt,
    progress::{Event, Kind},
};

const LEASE_RAN_OUT: &str = "the lease ran out";

/// What a change leads to, besides what the caller is told.
#[derive(Debug, Default)]
pub(crate) struct Change {
    /// Candidates to store.
    pub(crate) changed: Vec<Candidate>,
    /// The token of the verdict that led to it.
    pub(crate) watched: Option<String>,
    /// Whether the search is paused now.
    pub(crate) paused: Option<bool>,
    /// What to tell once it is stored.
    pub(crate) events: Vec<Event>,
}

impl Change {
    pub(crate) fn is_to_be_stored(&self) -> bool {
        !self.changed.is_empty() || self.watched.is_some() || self.paused.is_some()
    }

    pub(crate) fn for_the_store(&self) -> SearchChange<'_> {
        SearchChange {
            candidates: &self.changed,
            watched: self.watched.as_deref(),
            paused: self.paused,
        }
    }
}

pub(crate) fn event(attempt: Attempt, kind: Kind) -> Event {
    Event {
        candidate: attempt.candidate,
        attempt: attempt.number,
        kind,
    }
}

/// The candidates that are lent, with the tokens of the leases that are `meant`.
pub(crate) fn held(search: &Search, meant: impl Fn(&Lease) -> bool) -> Vec<(Id, String)> {
    let candidates = search.candidates().iter();
    let lent = candidates.filter_map(|candidate| Some((candidate.id, candidate.lease()?)));
    lent.filter(|(_, lease)| meant(lease))
        .map(|(id, lease)| (id, lease.token.clone()))
        .collect()
}

pub(crate) fn expire(search: &mut Search, now: SystemTime) -> Change {
    lost(search.expire(now), LEASE_RAN_OUT)
}

/// What it means that a lease ran out.
pub(crate) fn ran_out() -> Kind {
    Kind::Lost {
        reason: LEASE_RAN_OUT.to_owned(),
    }
}

/// What the loss of candidates changes.
pub(crate) fn lost(changed: Vec<Candidate>, reason: &str) -> Change {
    let events = changed
        .iter()
        .filter_map(|candidate| match &candidate.state {
            // Those that are newly proposed were never lost.
            State::Proposed if candidate.losses == 0 => None,
            State::Proposed => {
                let reason = reason.to_owned();
                Some(event(Attempt::latest(candidate), Kind::Lost { reason }))
            }
            State::Settled(outcome) => Some(event(
                Attempt::latest(candidate),
                Kind::Settled(outcome.clone()),
            )),
            State::Leased(_) => None,
        });
    Change {
        events: events.collect(),
        changed,
        ..Change::default()
    }
}

/// What settling changes; nothing where the candidate was settled before.
pub(crate) fn settle(
    search: &mut Search,
    id: Id,
    token: Option<&str>,
    outcome: Outcome,
) -> Result<Change, lease::Error> {
    let Settlement::Settled(changed) = search.settle(id, token, outcome)? else {
        return Ok(Change::default());
    };
    // Itself; what is newly proposed has no outcome.
    let settled = changed.iter().filter_map(|candidate| {
        let outcome = candidate.outcome()?.clone();
        Some(event(Attempt::latest(candidate), Kind::Settled(outcome)))
    });
    Ok(Change {
        events: settled.collect(),
        changed,
        ..Change::default()
    })
}
