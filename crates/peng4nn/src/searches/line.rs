//! What is said of a search, in the form of a line of JSON.

use peng_client::v1::{self, watch_search_response};
use serde::Serialize;

/// A search as it stands.
#[derive(Debug, Serialize)]
pub(super) struct Search {
    /// `searches/{search}`.
    #[serde(rename = "search")]
    pub(super) name: String,
    /// RUNNING, PAUSED, FINISHED.
    pub(super) state: String,
    algorithm: String,
    seed: u64,
    /// How many there will be.
    pub(super) candidates: u32,
    pub(super) settled: u32,
    pub(super) leased: u32,
    /// By settled candidates.
    pub(super) epochs_trained: f64,
    /// Without verdicts.
    pub(super) epochs_full: f64,
    /// Ids, from the fittest down.
    pub(super) pareto_front: Vec<String>,
}

/// A candidate as it stands.
#[derive(Debug, Serialize)]
pub(super) struct Candidate {
    #[serde(rename = "candidate")]
    pub(super) id: String,
    /// PROPOSED, LEASED, SUCCEEDED, STOPPED, FAILED.
    pub(super) state: String,
    /// How often it was leased.
    pub(super) attempt: u32,
    /// Who has it; empty unless it is leased.
    pub(super) worker: String,
    pub(super) trial: String,
    genome: String,
    #[serde(flatten)]
    pub(super) outcome: Option<Outcome>,
}

/// What came of a candidate.
#[derive(Debug, Serialize)]
pub(super) struct Outcome {
    pub(super) fitness: Option<f64>,
    pub(super) measured: Option<f64>,
    pub(super) predicted: Option<f64>,
    pub(super) epochs: f64,
    pub(super) reason: String,
}

/// What a watch tells.
#[derive(Debug, Serialize)]
pub(super) struct Event {
    resume_token: String,
    #[serde(flatten)]
    pub(super) what: What,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum What {
    Search(Search),
    Candidate(Candidate),
}

impl Search {
    pub(super) fn of(search: v1::Search) -> Self {
        Self {
            state: word(search.state().as_str_name(), "SEARCH_STATE_"),
            algorithm: search.algorithm,
            seed: search.seed,
            candidates: search.candidate_count,
            settled: search.settled_count,
            leased: search.leased_count,
            epochs_trained: search.epochs_trained,
            epochs_full: search.epochs_full,
            pareto_front: search.pareto_front.iter().map(|name| id(name)).collect(),
            name: search.name,
        }
    }
}

impl Candidate {
    fn of(candidate: v1::Candidate) -> Self {
        Self {
            id: id(&candidate.name),
            state: word(candidate.state().as_str_name(), "CANDIDATE_STATE_"),
            attempt: candidate.attempt,
            worker: candidate.worker,
            trial: candidate.trial,
            genome: candidate.genome,
            outcome: candidate.outcome.map(|outcome| Outcome {
                fitness: outcome.fitness,
                measured: outcome.measured,
                predicted: outcome.predicted,
                epochs: outcome.epochs,
                reason: outcome.reason,
            }),
        }
    }
}

impl Event {
    /// `None` of a kind that is not known here.
    pub(super) fn of(event: v1::WatchSearchResponse) -> Option<Self> {
        let what = match event.event? {
            watch_search_response::Event::Search(search) => What::Search(Search::of(search)),
            watch_search_response::Event::Candidate(candidate) => {
                What::Candidate(Candidate::of(candidate))
            }
        };
        Some(Self {
            resume_token: event.resume_token,
            what,
        })
    }
}

/// `c0007` of `searches/demo/candidates/c0007`.
fn id(name: &str) -> String {
    name.rsplit('/').next().unwrap_or(name).to_owned()
}

fn word(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_owned()
}
