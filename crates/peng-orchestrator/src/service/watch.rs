//! A search followed as it changes.

use std::{collections::VecDeque, sync::Arc};

use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use peng_proto::{
    error::Error,
    v1::{self, watch_search_response::Event},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::Status as Refusal;

use super::{Service, failed, look, shutting_down};
use crate::ledger::{Changed, Ledger, News, Place, Status};

/// Changes that are read at once, and held until they are sent: what each watch may take without
/// being counted.
const PAGE: usize = 8;

/// What a watch is answered with.
pub(super) type Watch = BoxStream<'static, Result<v1::WatchSearchResponse, Refusal>>;

impl Service {
    pub(super) fn watch_search(&self, request: &v1::WatchSearchRequest) -> Result<Watch, Error> {
        self.meant("name", &request.name)?;
        let watcher = Watcher {
            ledger: self.ledger.clone(),
            changes: self.ledger.status(),
            after: place(&request.resume_token)?,
            page: VecDeque::new(),
            last: false,
            leaving: self.leaving.clone(),
        };
        let events = stream::try_unfold(watcher, |mut watcher| async {
            let event = watcher.next().await.map_err(Refusal::from)?;
            Ok(event.map(|event| (event, watcher)))
        });
        Ok(events.boxed())
    }
}

fn place(token: &str) -> Result<Place, Error> {
    if token.is_empty() {
        return Ok(Place::START);
    }
    token.parse().map_err(|()| {
        Error::field(
            "resume_token",
            format!("`{token}` is not the resume_token of an event"),
        )
    })
}

/// One who reads: it holds a page of changes, and looks again when that is read.
struct Watcher {
    ledger: Arc<Ledger>,
    changes: watch::Receiver<Status>,
    after: Place,
    page: VecDeque<(Place, Changed)>,
    /// Whether nothing comes after the page.
    last: bool,
    leaving: CancellationToken,
}

impl Watcher {
    /// The next event; `None` after the last.
    async fn next(&mut self) -> Result<Option<v1::WatchSearchResponse>, Error> {
        loop {
            if self.leaving.is_cancelled() {
                return Err(shutting_down());
            }
            if let Some((place, changed)) = self.page.pop_front() {
                self.after = place;
                return Ok(Some(self.to_wire(changed)));
            }
            if self.last {
                return Ok(None);
            }
            // Marked before reading: a change during the read is seen by the next wait.
            self.changes.mark_unchanged();
            let News { changed, last } =
                self.ledger.news(self.after, PAGE).await.map_err(failed)?;
            (self.page, self.last) = (changed.into(), last);
            if self.page.is_empty() && !self.last {
                tokio::select! {
                    change = self.changes.changed() => change.map_err(|_| shutting_down())?,
                    () = self.leaving.cancelled() => return Err(shutting_down()),
                }
            }
        }
    }

    fn to_wire(&self, changed: Changed) -> v1::WatchSearchResponse {
        let config = &self.ledger.config;
        v1::WatchSearchResponse {
            resume_token: self.after.to_string(),
            event: Some(match changed {
                Changed::Search(summary) => Event::Search(look::to_wire(config, &summary)),
                Changed::Candidate(candidate) => {
                    Event::Candidate(config.candidate_to_wire(&candidate))
                }
            }),
        }
    }
}
