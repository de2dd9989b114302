use std::sync::Arc;

use peng_proto::names;
use peng_search::{search::restore, settings};

/// Why a search cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting is outside its range.
    #[error(transparent)]
    Settings(#[from] settings::Error),
    /// A field of the training is outside its range.
    #[error("training.{0}")]
    Training(#[source] peng_proto::error::Error),
    /// The stored search has other settings.
    #[error(
        "{setting} is {given}, but the stored search has {stored}: give {stored} to go on with it, \
         or start another search under another name or in another folder"
    )]
    Differs {
        /// The setting, as in `training.epochs`.
        setting: String,
        /// Its stored value.
        stored: String,
        /// The value given now.
        given: String,
    },
    /// The stored search has more candidates.
    #[error(
        "search.candidates is {given}, but the stored search has {stored}: give {stored} or more to \
         go on with it, or start another search under another name or in another folder"
    )]
    Fewer {
        /// How many it has.
        stored: u64,
        /// How many are given now.
        given: u64,
    },
    /// The stored settings are not what this program wrote.
    #[error("the stored settings of the search cannot be read")]
    Damaged(#[from] serde_json::Error),
    /// The store does not answer.
    #[error("the state of the search cannot be read or written")]
    Store(#[from] peng_store::Error),
    /// The stored candidates are not those of this search.
    #[error("the stored candidates cannot be gone on with")]
    Restore(#[from] restore::Error),
    /// The prediction server refuses or does not answer.
    #[error("the prediction server cannot {what}")]
    Predictor {
        /// What was asked of it.
        what: &'static str,
        /// What it says.
        #[source]
        source: Box<peng_client::Error>,
    },
    /// The experiment belongs to another search.
    #[error(
        "{experiment} of the prediction server has trials, but this search has only begun: \
         give the search another name"
    )]
    ExperimentTaken {
        /// The experiment.
        experiment: names::Experiment,
    },
    /// Verdicts can no longer be watched.
    #[error("the prediction server refuses to report verdicts")]
    Watch(#[source] Arc<peng_client::Error>),
    /// A task ended before its work was done.
    #[error("a task of the orchestrator was cut off")]
    Task(#[from] tokio::task::JoinError),
}

impl Error {
    pub(crate) fn predictor(what: &'static str, source: peng_client::Error) -> Self {
        let source = Box::new(source);
        Self::Predictor { what, source }
    }
}
