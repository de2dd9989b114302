//! The search as a state machine: events in, changed candidates out.

pub mod restore;

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::candidate::{Candidate, Id, Lease, Outcome, State};
use crate::lease::{Answer, Error as LeaseError, Reply, Settlement};
use crate::random::Known;
use crate::settings::{Error as SettingsError, Settings};
use crate::{pareto, proposal, seeds};

/// A running search.
///
/// Every call that changes candidates returns them as they are now; the caller stores them
/// before it answers anyone. Candidates in the order of proposal, and whether it is paused, are
/// the whole state.
#[derive(Debug)]
pub struct Search {
    settings: Settings,
    candidates: Vec<Candidate>,
    known: Known,
    paused: bool,
}

/// How far a search is. `proposed + leased + settled` may be less than `total` while later
/// generations are not bred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Candidates that wait for a worker.
    pub proposed: usize,
    /// Candidates that are lent.
    pub leased: usize,
    /// Candidates that are settled.
    pub settled: usize,
    /// The budget.
    pub total: usize,
}

impl Search {
    /// A fresh search; [`Search::candidates`] holds its first proposals.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        settings.check()?;
        let mut search = Self {
            settings,
            candidates: Vec::new(),
            known: Known::default(),
            paused: false,
        };
        search.propose();
        Ok(search)
    }

    /// Lends the first candidate that waits, after taking back overdue ones. It is begun anew.
    pub fn lease(&mut self, worker: &str, now: SystemTime) -> Reply {
        self.lease_to(worker, false, now)
    }

    /// The same; a worker that `continues` takes over the trial of the attempt before.
    pub fn lease_to(&mut self, worker: &str, continues: bool, now: SystemTime) -> Reply {
        let mut changed = self.expire(now);
        let paused = self.paused;
        let waiting = |candidate: &&mut Candidate| !paused && candidate.state == State::Proposed;
        let Some(candidate) = self.candidates.iter_mut().find(waiting) else {
            return Reply {
                answer: self.nothing_to_lend(),
                changed,
            };
        };
        if !continues {
            candidate.continues = None;
        }
        candidate.state = State::Leased(Lease {
            token: seeds::token(self.settings.seed, candidate.id, candidate.attempt),
            worker: worker.to_owned(),
            deadline: now.checked_add(self.settings.lease).unwrap_or(now),
        });
        let candidate = candidate.clone();
        changed.retain(|other| other.id != candidate.id);
        changed.push(candidate.clone());
        Reply {
            answer: Answer::Leased(candidate),
            changed,
        }
    }

    fn nothing_to_lend(&self) -> Answer {
        if self.is_finished() {
            return Answer::Finished;
        }
        let leases = self.candidates.iter().filter_map(Candidate::lease);
        Answer::Wait {
            until: leases.map(|lease| lease.deadline).min(),
        }
    }

    /// Moves a lease's deadline to a full lease from `now`; never back. A lease past its deadline
    /// can be renewed until it is taken back.
    pub fn renew(&mut self, id: Id, token: &str, now: SystemTime) -> Result<Candidate, LeaseError> {
        let duration = self.settings.lease;
        let candidate = self.held(id, token)?;
        if let State::Leased(lease) = &mut candidate.state {
            let deadline = now.checked_add(duration).unwrap_or(now);
            lease.deadline = lease.deadline.max(deadline);
        }
        Ok(candidate.clone())
    }

    /// Begins all leases anew at `now`, also those whose deadline a clock set that was wrong.
    /// Returns their candidates.
    pub fn renew_all(&mut self, now: SystemTime) -> Vec<Candidate> {
        let deadline = now.checked_add(self.settings.lease).unwrap_or(now);
        let mut changed = Vec::new();
        for candidate in &mut self.candidates {
            if let State::Leased(lease) = &mut candidate.state {
                lease.deadline = deadline;
                changed.push(candidate.clone());
            }
        }
        changed
    }

    /// Takes a candidate back from a worker that was preempted; it is lent again, as another
    /// attempt. Does not count as a loss.
    pub fn release(&mut self, id: Id, token: &str) -> Result<Candidate, LeaseError> {
        let candidate = self.held(id, token)?;
        give_back(candidate);
        Ok(candidate.clone())
    }

    /// Takes a candidate back from a worker that is known to be gone, as [`Search::expire`] does
    /// once its lease is overdue: it counts as a loss. Returns it, then those newly proposed.
    pub fn lose(&mut self, id: Id, token: &str) -> Result<Vec<Candidate>, LeaseError> {
        let attempts = self.settings.attempts;
        let candidate = self.held(id, token)?;
        lose(candidate, attempts);
        let mut changed = vec![candidate.clone()];
        changed.extend(self.propose());
        Ok(changed)
    }

    /// Settles a candidate for good, once.
    ///
    /// With a token it must be that of the running lease (also past its deadline, until the
    /// candidate is taken back). The token of the lease under which it was settled gets the first
    /// outcome again, any other one [`LeaseError::Stale`]. Without a token, which is how a verdict
    /// that the orchestrator watched settles, the candidate may be anyone's or no one's.
    pub fn settle(
        &mut self,
        id: Id,
        token: Option<&str>,
        outcome: Outcome,
    ) -> Result<Settlement, LeaseError> {
        if !outcome.epochs.is_finite() || outcome.epochs < 0.0 {
            return Err(LeaseError::Epochs {
                id,
                epochs: outcome.epochs,
            });
        }
        let candidate = match token {
            Some(token) => match self.held(id, token) {
                Err(LeaseError::Settled { .. }) => self.get_mut(id)?,
                held => held?,
            },
            None => self.get_mut(id)?,
        };
        if let State::Settled(first) = &candidate.state {
            return Ok(Settlement::AlreadySettled(first.clone()));
        }
        candidate.state = State::Settled(outcome);
        let mut changed = vec![candidate.clone()];
        changed.extend(self.propose());
        Ok(Settlement::Settled(changed))
    }

    /// Takes back every candidate whose lease is overdue: to be lent again, as another attempt,
    /// or failed when it was lost too often. Returns them, then those newly proposed.
    pub fn expire(&mut self, now: SystemTime) -> Vec<Candidate> {
        let attempts = self.settings.attempts;
        let mut changed = Vec::new();
        for candidate in &mut self.candidates {
            if candidate.lease().is_none_or(|lease| lease.deadline > now) {
                continue;
            }
            lose(candidate, attempts);
            changed.push(candidate.clone());
        }
        if !changed.is_empty() {
            changed.extend(self.propose());
        }
        changed
    }

    /// Lends no candidate until it is resumed; those that are lent go on. Returns whether this
    /// changes anything.
    pub fn pause(&mut self) -> bool {
        let changes = !self.paused && !self.is_finished();
        self.paused |= changes;
        changes
    }

    /// Lends candidates again. Returns whether this changes anything.
    pub fn resume(&mut self) -> bool {
        std::mem::take(&mut self.paused)
    }

    /// Whether it is paused. One that is finished is not.
    pub fn is_paused(&self) -> bool {
        self.paused && !self.is_finished()
    }

    /// What the search was told.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// All candidates in the order of proposal.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// The candidate of that name.
    pub fn candidate(&self, id: Id) -> Option<&Candidate> {
        self.candidates.get(id.index())
    }

    /// The Pareto front of the settled candidates (better fitness, fewer operations), by rising
    /// operations. Candidates equal in both are all in it.
    pub fn front(&self) -> Vec<Id> {
        pareto::front(&self.candidates, self.settings.goal)
    }

    /// How far the search is.
    pub fn progress(&self) -> Progress {
        let total = self.settings.candidates as usize;
        let mut progress = Progress {
            proposed: 0,
            leased: 0,
            settled: 0,
            total,
        };
        for candidate in &self.candidates {
            match candidate.state {
                State::Proposed => progress.proposed += 1,
                State::Leased(_) => progress.leased += 1,
                State::Settled(_) => progress.settled += 1,
            }
        }
        progress
    }

    /// Whether every candidate of the budget is settled.
    pub fn is_finished(&self) -> bool {
        let progress = self.progress();
        progress.settled == progress.total
    }

    /// Adds what can be proposed now and returns it.
    fn propose(&mut self) -> Vec<Candidate> {
        let proposed = proposal::next(&self.settings, &self.candidates, &mut self.known);
        self.candidates.extend_from_slice(&proposed);
        proposed
    }

    fn get_mut(&mut self, id: Id) -> Result<&mut Candidate, LeaseError> {
        let proposed = self.candidates.len();
        self.candidates
            .get_mut(id.index())
            .ok_or(LeaseError::Unknown { id, proposed })
    }

    /// The candidate, if the token is that of its attempt and the lease runs.
    fn held(&mut self, id: Id, token: &str) -> Result<&mut Candidate, LeaseError> {
        let seed = self.settings.seed;
        let candidate = self.get_mut(id)?;
        if token != seeds::token(seed, id, candidate.attempt) {
            return Err(LeaseError::Stale { id });
        }
        match candidate.state {
            State::Leased(_) => Ok(candidate),
            State::Settled(_) => Err(LeaseError::Settled { id }),
            State::Proposed => Err(LeaseError::Stale { id }),
        }
    }
}

/// Lent again, unless it was lost too often.
fn lose(candidate: &mut Candidate, attempts: u32) {
    candidate.losses = candidate.losses.saturating_add(1);
    if candidate.losses < attempts {
        give_back(candidate);
    } else {
        let reason = format!("lost by its worker {} times", candidate.losses);
        candidate.state = State::Settled(Outcome::failed(reason, 0.0));
    }
}

/// Back among those that wait, as another attempt.
fn give_back(candidate: &mut Candidate) {
    candidate.state = State::Proposed;
    candidate.continues = Some(candidate.trial());
    candidate.attempt = candidate.attempt.saturating_add(1);
}
