//! Candidates lent, kept, and taken back.

use std::{sync::Arc, time::Duration};

use peng_search::{
    Candidate,
    candidate::{Id, Outcome},
    lease::{self, Answer},
};

use super::Ledger;
use crate::{
    Error,
    attempt::Attempt,
    change::{Change, event, expire, held, lost, settle},
    progress::Kind,
};

impl Ledger {
    /// Lends the next candidate, to a worker that goes on with the trials of others or does not.
    pub(crate) async fn lease(
        self: &Arc<Self>,
        worker: String,
        continues: bool,
    ) -> Result<Answer, Error> {
        let now = self.clock.now();
        self.change(move |search| {
            let mut change = expire(search, now);
            let reply = search.lease_to(&worker, continues, now);
            change.changed.extend(reply.changed);
            if let Answer::Leased(candidate) = &reply.answer {
                let kind = Kind::Leased { worker };
                change.events.push(event(Attempt::latest(candidate), kind));
            }
            (reply.answer, change)
        })
        .await
    }

    /// Keeps a lease.
    pub(crate) async fn renew(
        self: &Arc<Self>,
        id: Id,
        token: String,
    ) -> Result<Result<Candidate, lease::Error>, Error> {
        let now = self.clock.now();
        self.change(move |search| {
            let renewed = search.renew(id, &token, now);
            let changed = renewed.iter().cloned().collect();
            let change = Change {
                changed,
                ..Change::default()
            };
            (renewed, change)
        })
        .await
    }

    /// Begins all leases anew, so that workers which could not renew while the orchestrator was
    /// away have the time of a lease to come back, and no more, whatever its clock showed then.
    pub(crate) async fn renew_all(self: &Arc<Self>) -> Result<(), Error> {
        let now = self.clock.now();
        self.change(move |search| {
            let change = Change {
                changed: search.renew_all(now),
                ..Change::default()
            };
            ((), change)
        })
        .await
    }

    /// Takes a candidate back from a worker that has to leave.
    pub(crate) async fn release(
        self: &Arc<Self>,
        id: Id,
        token: String,
        reason: String,
    ) -> Result<Result<Candidate, lease::Error>, Error> {
        self.change(move |search| {
            let released = search.release(id, &token);
            let mut change = Change::default();
            if let Ok(candidate) = &released {
                change.changed.push(candidate.clone());
                let kind = Kind::GivenBack { reason };
                change.events.push(event(Attempt::latest(candidate), kind));
            }
            (released, change)
        })
        .await
    }

    /// Takes a candidate back from a worker that is gone; returns it as it is then.
    pub(crate) async fn lose(
        self: &Arc<Self>,
        id: Id,
        token: String,
        reason: String,
    ) -> Result<Result<Option<Candidate>, lease::Error>, Error> {
        self.change(move |search| match search.lose(id, &token) {
            Ok(changed) => (Ok(search.candidate(id).cloned()), lost(changed, &reason)),
            Err(error) => (Err(error), Change::default()),
        })
        .await
    }

    /// Takes back whatever a worker has that is gone.
    pub(crate) async fn lose_all(
        self: &Arc<Self>,
        worker: String,
        reason: String,
    ) -> Result<(), Error> {
        self.change(move |search| {
            let mut change = Change::default();
            for (id, token) in held(search, |lease| lease.worker == worker) {
                let all = lost(search.lose(id, &token).unwrap_or_default(), &reason);
                change.changed.extend(all.changed);
                change.events.extend(all.events);
            }
            ((), change)
        })
        .await
    }

    /// Settles a candidate that its worker hands back; returns it as it is settled.
    pub(crate) async fn settle(
        self: &Arc<Self>,
        id: Id,
        token: String,
        outcome: Outcome,
    ) -> Result<Result<Option<Candidate>, lease::Error>, Error> {
        self.change(
            move |search| match settle(search, id, Some(&token), outcome) {
                Ok(change) => (Ok(search.candidate(id).cloned()), change),
                Err(error) => (Err(error), Change::default()),
            },
        )
        .await
    }

    /// Takes back the candidates whose lease ran out; returns how long the next one has.
    pub(crate) async fn expire(self: &Arc<Self>) -> Result<Option<Duration>, Error> {
        let now = self.clock.now();
        self.change(move |search| {
            let change = expire(search, now);
            let leases = search.candidates().iter().filter_map(Candidate::lease);
            let next = leases.map(|lease| lease.deadline).min();
            let left = next.map(|at| at.duration_since(now).unwrap_or_default());
            (left, change)
        })
        .await
    }
}
