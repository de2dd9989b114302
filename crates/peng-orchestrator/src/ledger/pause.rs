//! Lending held back, and gone on with.

use std::sync::Arc;

use peng_search::Search;

use super::Ledger;
use crate::{Error, change::Change, progress::Summary};

impl Ledger {
    /// Lends no candidate until [`Ledger::resume`]; returns how the search is then.
    pub(crate) async fn pause(self: &Arc<Self>) -> Result<Summary, Error> {
        self.set(true, Search::pause).await
    }

    /// Lends candidates again; returns how the search is then.
    pub(crate) async fn resume(self: &Arc<Self>) -> Result<Summary, Error> {
        self.set(false, Search::resume).await
    }

    async fn set(
        self: &Arc<Self>,
        paused: bool,
        set: fn(&mut Search) -> bool,
    ) -> Result<Summary, Error> {
        let epochs = self.config.training.epochs;
        self.change(move |search| {
            let change = Change {
                paused: set(search).then_some(paused),
                ..Change::default()
            };
            (Summary::of(search, epochs), change)
        })
        .await
    }
}
