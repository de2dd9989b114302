//! Taking candidates back: settled once, or to be lent again.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use peng_proto::{
    error::{Error, Reason},
    search::Report,
    v1,
};
use peng_search::{
    Candidate,
    candidate::{Id, Outcome, State},
    lease::Error as LeaseError,
};
use tracing::warn;

use super::{Service, failed, lost, unpredicted};
use crate::{
    attempt::Attempt,
    verdict::{self, Stop},
};

impl Service {
    pub(super) async fn complete_candidate(
        &self,
        request: v1::CompleteCandidateRequest,
    ) -> Result<v1::CompleteCandidateResponse, Error> {
        let id = self.held(&request.candidate, &request.lease_token)?;
        let config = &self.ledger.config;
        let report = Report::parse(&request, config.training.epochs, config.range())?;
        let token = request.lease_token;
        let candidate = self.ledger.candidate(id).await.map_err(failed)?;
        let candidate = candidate.ok_or_else(|| {
            Error::new(Reason::NotFound, format!("there is no candidate {id} yet"))
        })?;
        let candidate = match &candidate.state {
            State::Leased(lease) if lease.token == token => {
                self.end(&candidate, token, report).await?
            }
            // The first outcome stays; the token tells whether the worker may hear it.
            State::Settled(outcome) => self.settle(id, token, outcome.clone()).await?,
            _ if back(&report).is_some() && self.given_back.by(id, &token) => candidate,
            _ => return Err(lost(LeaseError::Stale { id })),
        };
        Ok(v1::CompleteCandidateResponse {
            candidate: Some(self.to_wire(&candidate)),
        })
    }

    /// Ends the attempt of a candidate that is leased.
    async fn end(
        &self,
        candidate: &Candidate,
        token: String,
        report: Report,
    ) -> Result<Candidate, Error> {
        let back = back(&report);
        let stop = match self.stop(candidate).await {
            // A worker that has to leave cannot wait: it is trained again from the start.
            Err(error) if back.is_some() => {
                warn!(candidate = %candidate.id, error = &error as &dyn std::error::Error, "given back unseen");
                None
            }
            stop => stop.map_err(|error| unpredicted(&error))?,
        };
        if let Some(outcome) = verdict::outcome(report, stop, self.ledger.config.mode)? {
            return self.settle(candidate.id, token, outcome).await;
        }
        let back = back.unwrap_or_default();
        self.take_back(candidate.id, token, back).await
    }

    /// The first STOP of the candidate's trial.
    async fn stop(&self, candidate: &Candidate) -> Result<Option<Stop>, peng_client::Error> {
        let trial = Attempt::latest(candidate).trial(&self.ledger.config.search);
        let trial = self.predictor.trial(&trial).await?;
        Ok(Stop::of_trial(&trial))
    }

    async fn settle(&self, id: Id, token: String, outcome: Outcome) -> Result<Candidate, Error> {
        let settled = self
            .ledger
            .settle(id, token, outcome)
            .await
            .map_err(failed)?;
        let settled = settled.map_err(lost)?;
        settled.ok_or_else(|| Error::new(Reason::Internal, "a settled candidate is gone"))
    }

    async fn take_back(&self, id: Id, token: String, back: Back) -> Result<Candidate, Error> {
        let Back { reason, lost: gone } = back;
        let ledger = &self.ledger;
        let result = if gone {
            let lost = ledger.lose(id, token.clone(), reason).await;
            lost.map_err(failed)?.and_then(|candidate| {
                let missing = LeaseError::Stale { id };
                candidate.ok_or(missing)
            })
        } else {
            let released = ledger.release(id, token.clone(), reason).await;
            released.map_err(failed)?
        };
        match result {
            Ok(candidate) => {
                self.given_back.remember(id, token);
                Ok(candidate)
            }
            // Watched meanwhile: a verdict that came before the worker left.
            Err(LeaseError::Settled { .. }) => {
                let candidate = self.ledger.candidate(id).await.map_err(failed)?;
                candidate.ok_or_else(|| lost(LeaseError::Stale { id }))
            }
            Err(error) => Err(lost(error)),
        }
    }
}

/// Why a candidate is to be lent again.
#[derive(Debug, Default)]
struct Back {
    /// For people.
    reason: String,
    /// Whether it counts as a loss.
    lost: bool,
}

/// Why it is to be lent again, if it is.
fn back(report: &Report) -> Option<Back> {
    let (reason, lost) = match report {
        Report::Preempted { reason } => (reason, false),
        Report::Lost { reason } => (reason, true),
        _ => return None,
    };
    let reason = reason.clone();
    Some(Back { reason, lost })
}

/// The token under which each candidate was last given back, so that a worker whose answer got
/// lost can say it again.
#[derive(Debug, Default)]
pub(super) struct GivenBack(Mutex<HashMap<Id, String>>);

impl GivenBack {
    fn remember(&self, id: Id, token: String) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, token);
    }

    fn by(&self, id: Id, token: &str) -> bool {
        let tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.get(&id).is_some_and(|last| last == token)
    }
}
