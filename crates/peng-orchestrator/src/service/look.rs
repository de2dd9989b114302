//! Looking at the search and its candidates; holding the search, and letting it go on.

use peng_proto::{error::Error, v1};
use peng_search::{candidate::Id, settings::Algorithm};

use super::{Service, failed};
use crate::{Config, progress::Summary};

impl Service {
    pub(super) async fn get_search(
        &self,
        request: v1::GetSearchRequest,
    ) -> Result<v1::GetSearchResponse, Error> {
        self.meant("name", &request.name)?;
        let summary = self.ledger.summary().await.map_err(failed)?;
        Ok(v1::GetSearchResponse {
            search: Some(to_wire(&self.ledger.config, &summary)),
        })
    }

    pub(super) async fn list_searches(
        &self,
        request: v1::ListSearchesRequest,
    ) -> Result<v1::ListSearchesResponse, Error> {
        page_size(request.page_size)?;
        if !request.page_token.is_empty() {
            return Err(no_page(&request.page_token));
        }
        let summary = self.ledger.summary().await.map_err(failed)?;
        Ok(v1::ListSearchesResponse {
            searches: vec![to_wire(&self.ledger.config, &summary)],
            next_page_token: String::new(),
        })
    }

    pub(super) async fn pause_search(
        &self,
        request: v1::PauseSearchRequest,
    ) -> Result<v1::PauseSearchResponse, Error> {
        self.meant("name", &request.name)?;
        let summary = self.ledger.pause().await.map_err(failed)?;
        Ok(v1::PauseSearchResponse {
            search: Some(to_wire(&self.ledger.config, &summary)),
        })
    }

    pub(super) async fn resume_search(
        &self,
        request: v1::ResumeSearchRequest,
    ) -> Result<v1::ResumeSearchResponse, Error> {
        self.meant("name", &request.name)?;
        let summary = self.ledger.resume().await.map_err(failed)?;
        Ok(v1::ResumeSearchResponse {
            search: Some(to_wire(&self.ledger.config, &summary)),
        })
    }

    pub(super) async fn list_candidates(
        &self,
        request: v1::ListCandidatesRequest,
    ) -> Result<v1::ListCandidatesResponse, Error> {
        self.meant("parent", &request.parent)?;
        let size = page_size(request.page_size)?;
        let after = page_token(&request.page_token)?;
        let page = self.ledger.candidates(after, size).await;
        let (page, more) = page.map_err(failed)?;
        let last = page.last().filter(|_| more);
        Ok(v1::ListCandidatesResponse {
            candidates: page
                .iter()
                .map(|candidate| self.to_wire(candidate))
                .collect(),
            next_page_token: last.map(|last| last.id.to_string()).unwrap_or_default(),
        })
    }
}

/// Reads a page size: 0 is the default, too many are cut.
fn page_size(given: i32) -> Result<usize, Error> {
    const DEFAULT: usize = 100;
    const MOST: usize = 1_000;
    match usize::try_from(given) {
        Ok(0) => Ok(DEFAULT),
        Ok(size) => Ok(size.min(MOST)),
        Err(_) => Err(Error::field(
            "page_size",
            format!("{given} is negative; 0 to {MOST} would be right"),
        )),
    }
}

/// The token is the last candidate of the page before.
fn page_token(token: &str) -> Result<Option<Id>, Error> {
    if token.is_empty() {
        return Ok(None);
    }
    token.parse().map(Some).map_err(|_| no_page(token))
}

fn no_page(token: &str) -> Error {
    Error::field(
        "page_token",
        format!("`{token}` is not the next_page_token of a page before"),
    )
}

/// The search for the wire.
pub(super) fn to_wire(config: &Config, summary: &Summary) -> v1::Search {
    let progress = summary.progress;
    let state = if progress.settled == progress.total {
        v1::SearchState::Finished
    } else if summary.paused {
        v1::SearchState::Paused
    } else {
        v1::SearchState::Running
    };
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let fittest_first = summary.front.iter().rev();
    v1::Search {
        name: config.search.to_string(),
        state: state.into(),
        algorithm: algorithm(config.settings.algorithm).to_owned(),
        seed: config.settings.seed,
        candidate_count: count(progress.total),
        settled_count: count(progress.settled),
        leased_count: count(progress.leased),
        epochs_trained: summary.epochs.trained,
        epochs_full: summary.epochs.full,
        pareto_front: fittest_first
            .map(|id| format!("{}/candidates/{id}", config.search))
            .collect(),
        experiment: config.experiment().to_string(),
        training: Some(config.training.to_wire()),
    }
}

const fn algorithm(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Nsga2 { .. } => "nsga2",
        Algorithm::Random => "random",
    }
}
