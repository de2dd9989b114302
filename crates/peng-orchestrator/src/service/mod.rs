//! `SearchService`: every call parses its request, does one thing, and turns the result into a
//! message.

mod complete;
mod lease;
mod look;
mod watch;

use std::{str::FromStr, sync::Arc};

use peng_proto::{
    error::{Error, Reason},
    names,
    v1::{self, search_service_server::SearchService},
};
use peng_search::{Candidate, candidate::Id, lease::Error as LeaseError};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use tracing::error;

use crate::{
    ledger::Ledger,
    predictor::{Flush, Predictor},
};

/// The service's implementation; see [`crate::Orchestrator::service`].
pub struct Service {
    ledger: Arc<Ledger>,
    predictor: Predictor,
    flush: Flush,
    leaving: CancellationToken,
    given_back: complete::GivenBack,
}

impl Service {
    pub(crate) fn new(
        ledger: Arc<Ledger>,
        predictor: Predictor,
        flush: Flush,
        leaving: CancellationToken,
    ) -> Self {
        Self {
            ledger,
            predictor,
            flush,
            leaving,
            given_back: complete::GivenBack::default(),
        }
    }

    /// Checks that a request means this server's search; empty does.
    fn meant(&self, field: &str, name: &str) -> Result<(), Error> {
        if name.is_empty() {
            return Ok(());
        }
        let name: names::Search = parse(field, name)?;
        self.known(&name)
    }

    fn known(&self, name: &names::Search) -> Result<(), Error> {
        let own = &self.ledger.config.search;
        if name == own {
            return Ok(());
        }
        let message = format!("there is no search `{name}` here, only `{own}`");
        Err(Error::new(Reason::NotFound, message))
    }

    /// Reads the candidate of a request about a lease, and its token.
    fn held(&self, candidate: &str, token: &str) -> Result<Id, Error> {
        let name: names::Candidate = parse("candidate", candidate)?;
        self.known(&name.search)?;
        if token.is_empty() {
            return Err(Error::field(
                "lease_token",
                "is empty; that of the lease would be right",
            ));
        }
        name.id
            .as_str()
            .parse()
            .map_err(|error| Error::new(Reason::NotFound, error))
    }

    fn to_wire(&self, candidate: &Candidate) -> v1::Candidate {
        self.ledger.config.candidate_to_wire(candidate)
    }
}

/// Reads a resource name from a field.
fn parse<T: FromStr<Err = names::Error>>(field: &str, text: &str) -> Result<T, Error> {
    if text.is_empty() {
        return Err(Error::field(
            field,
            "is empty; a resource name would be right",
        ));
    }
    text.parse().map_err(|error| Error::field(field, error))
}

/// What a client is told when the search cannot be changed; the log has the rest.
fn failed(failure: crate::Error) -> Error {
    error!(
        error = &failure as &dyn std::error::Error,
        "the search cannot be changed"
    );
    match failure {
        crate::Error::Store(_) => Error::new(
            Reason::StorageUnavailable,
            "the storage does not answer; try again",
        ),
        _ => Error::new(Reason::Internal, failure),
    }
}

/// Why a lease does not hold.
fn lost(error: LeaseError) -> Error {
    match &error {
        LeaseError::Unknown { .. } => Error::new(Reason::NotFound, error),
        LeaseError::Stale { .. } => Error::of_field(Reason::LeaseLost, "lease_token", error),
        LeaseError::Settled { .. } => Error::of_field(Reason::AlreadySettled, "candidate", error),
        LeaseError::Epochs { .. } => Error::field("outcome.epochs", error),
    }
}

/// What a client is told when the prediction server does not do what it should.
fn unpredicted(failure: &peng_client::Error) -> Error {
    error!(
        error = failure as &dyn std::error::Error,
        "the prediction server failed"
    );
    if matches!(failure, peng_client::Error::GaveUp { .. }) {
        return Error::new(
            Reason::PredictorUnavailable,
            "the prediction server does not answer; try again",
        );
    }
    Error::new(
        Reason::Internal,
        format!("the prediction server refuses: {failure}"),
    )
}

fn shutting_down() -> Error {
    Error::new(
        Reason::ShuttingDown,
        "the orchestrator is shutting down; connect again",
    )
}

#[tonic::async_trait]
impl SearchService for Service {
    async fn lease_candidate(
        &self,
        request: Request<v1::LeaseCandidateRequest>,
    ) -> Result<Response<v1::LeaseCandidateResponse>, Status> {
        Ok(Response::new(
            self.lease_candidate(request.into_inner()).await?,
        ))
    }

    async fn renew_lease(
        &self,
        request: Request<v1::RenewLeaseRequest>,
    ) -> Result<Response<v1::RenewLeaseResponse>, Status> {
        Ok(Response::new(self.renew_lease(request.into_inner()).await?))
    }

    async fn complete_candidate(
        &self,
        request: Request<v1::CompleteCandidateRequest>,
    ) -> Result<Response<v1::CompleteCandidateResponse>, Status> {
        Ok(Response::new(
            self.complete_candidate(request.into_inner()).await?,
        ))
    }

    async fn get_search(
        &self,
        request: Request<v1::GetSearchRequest>,
    ) -> Result<Response<v1::GetSearchResponse>, Status> {
        Ok(Response::new(self.get_search(request.into_inner()).await?))
    }

    async fn list_searches(
        &self,
        request: Request<v1::ListSearchesRequest>,
    ) -> Result<Response<v1::ListSearchesResponse>, Status> {
        Ok(Response::new(
            self.list_searches(request.into_inner()).await?,
        ))
    }

    async fn pause_search(
        &self,
        request: Request<v1::PauseSearchRequest>,
    ) -> Result<Response<v1::PauseSearchResponse>, Status> {
        Ok(Response::new(
            self.pause_search(request.into_inner()).await?,
        ))
    }

    async fn resume_search(
        &self,
        request: Request<v1::ResumeSearchRequest>,
    ) -> Result<Response<v1::ResumeSearchResponse>, Status> {
        Ok(Response::new(
            self.resume_search(request.into_inner()).await?,
        ))
    }

    type WatchSearchStream = watch::Watch;

    async fn watch_search(
        &self,
        request: Request<v1::WatchSearchRequest>,
    ) -> Result<Response<watch::Watch>, Status> {
        Ok(Response::new(self.watch_search(request.get_ref())?))
    }

    async fn list_candidates(
        &self,
        request: Request<v1::ListCandidatesRequest>,
    ) -> Result<Response<v1::ListCandidatesResponse>, Status> {
        Ok(Response::new(
            self.list_candidates(request.into_inner()).await?,
        ))
    }
}
