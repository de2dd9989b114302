//! The state of an orchestrator: searches and their candidates.

use std::{fmt, time::SystemTime};

use async_trait::async_trait;
use peng_search::candidate::Candidate;

use crate::Error;

/// The row of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SearchKey(pub(crate) i64);

/// A stored search.
#[derive(Debug, Clone)]
pub struct SearchRecord {
    /// Its row.
    pub key: SearchKey,
    /// The settings as they were given, in the orchestrator's own form.
    pub settings: String,
    /// The resume token of the last verdict that was acted on; empty at first.
    pub watched: String,
    /// Whether it is paused.
    pub paused: bool,
    /// The candidates by number.
    pub candidates: Vec<Candidate>,
}

/// What of a search is new; `None` leaves what is stored.
#[derive(Debug, Clone, Copy, Default)]
pub struct SearchChange<'a> {
    /// Candidates, new or changed.
    pub candidates: &'a [Candidate],
    /// The resume token of the verdict that changed them.
    pub watched: Option<&'a str>,
    /// Whether it is paused.
    pub paused: Option<bool>,
}

impl SearchChange<'_> {
    /// Whether anything but candidates is new, which seldom is.
    pub(crate) const fn is_of_the_search(&self) -> bool {
        self.watched.is_some() || self.paused.is_some()
    }
}

/// The state of searches. What a call returns is on disk; a call that fails has
/// stored nothing.
#[async_trait]
pub trait Searches: fmt::Debug + Send + Sync + 'static {
    /// The search of that id, or a new one with these settings.
    async fn open_search(
        &self,
        id: &str,
        settings: &str,
        at: SystemTime,
    ) -> Result<SearchRecord, Error>;

    /// Writes what is new, in one commit.
    async fn put_search(&self, search: SearchKey, change: SearchChange<'_>) -> Result<(), Error>;
}
