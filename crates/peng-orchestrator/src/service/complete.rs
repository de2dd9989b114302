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
            _ if matches!(report, Report::Preempted { .. }) && self.given_back.by(id, &token) => {
                candidate
            }
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
        let preempted = match &report {
            Report::Preempted { reason } => Some(reason.clone()),
            _ => None,
        };
        let stop = match self.stop(candidate).await {
            // A worker that has to leave cannot wait: it is trained again from the start.
            Err(error) if preempted.is_some() => {
                warn!(candidate = %candidate.id, error = &error as &dyn std::error::Error, "given back unseen");
                None
            }
            stop => stop.map_err(|error| unpredicted(&error))?,
        };
        match verdict::outcome(report, stop, self.ledger.config.mode)? {
            Some(outcome) => self.settle(candidate.id, token, outcome).await,
            None => {
                self.give_back(candidate.id, token, preempted.unwrap_or_default())
                    .await
            }
        }
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

    async fn give_back(&self, id: Id, token: String, reason: String) -> Result<Candidate, Error> {
        let released = self
            .ledger
            .release(id, token.clone(), reason)
            .await
            .map_err(failed)?;
        match released {
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
