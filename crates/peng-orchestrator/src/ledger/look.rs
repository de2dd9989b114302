//! The search as it stands, and what of it has changed.

use std::{fmt, str::FromStr, sync::Arc};

use peng_search::{Candidate, candidate::Id};

use super::{Ledger, State, revisions::What};
use crate::{
    Error,
    change::Change,
    progress::{Snapshot, Summary},
};

/// How far someone has read: a revision of a ledger. None of another ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    opened: u128,
    revision: u64,
}

impl Place {
    /// Before everything.
    pub(crate) const START: Self = Self {
        opened: 0,
        revision: 0,
    };
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{}", self.opened, self.revision)
    }
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (opened, revision) = text.split_once('-').ok_or(())?;
        Ok(Self {
            opened: u128::from_str_radix(opened, 16).map_err(drop)?,
            revision: revision.parse().map_err(drop)?,
        })
    }
}

/// What has changed after some place.
#[derive(Debug)]
pub(crate) struct News {
    /// With the place after each.
    pub(crate) changed: Vec<(Place, Changed)>,
    /// Whether nothing follows, now or later.
    pub(crate) last: bool,
}

/// Something that has changed, as it is now.
#[derive(Debug)]
pub(crate) enum Changed {
    /// The search.
    Search(Box<Summary>),
    /// One of its candidates.
    Candidate(Box<Candidate>),
}

impl Ledger {
    /// The candidate of that name.
    pub(crate) async fn candidate(self: &Arc<Self>, id: Id) -> Result<Option<Candidate>, Error> {
        self.change(move |search| (search.candidate(id).cloned(), Change::default()))
            .await
    }

    /// The search as it stands.
    pub(crate) async fn snapshot(self: &Arc<Self>) -> Result<Snapshot, Error> {
        let epochs = self.config.training.epochs;
        self.change(move |search| (Snapshot::of(search, epochs), Change::default()))
            .await
    }

    /// What is told of the search as it stands.
    pub(crate) async fn summary(self: &Arc<Self>) -> Result<Summary, Error> {
        let epochs = self.config.training.epochs;
        self.change(move |search| (Summary::of(search, epochs), Change::default()))
            .await
    }

    /// At most `limit` candidates after one of them, in the order of proposal, and whether more
    /// follow.
    pub(crate) async fn candidates(
        self: &Arc<Self>,
        after: Option<Id>,
        limit: usize,
    ) -> Result<(Vec<Candidate>, bool), Error> {
        self.change(move |search| {
            let all = search.candidates();
            let first = after.map_or(0, |after| all.partition_point(|one| one.id <= after));
            let rest = &all[first..];
            let page = rest[..limit.min(rest.len())].to_vec();
            let more = page.len() < rest.len();
            ((page, more), Change::default())
        })
        .await
    }

    /// At most `limit` of the parts that have changed after a place; all of them after a place of
    /// another ledger.
    pub(crate) async fn news(&self, after: Place, limit: usize) -> Result<News, Error> {
        let mut state = self.state.lock().await;
        let search = self.take(&mut state).await?;
        let State { revisions, .. } = &*state;
        let known = after.opened == self.opened;
        let mut later = revisions.after(if known { after.revision } else { 0 });
        let changed = later.by_ref().take(limit);
        let changed = changed.filter_map(|(revision, what)| {
            let changed = match what {
                What::Search => {
                    Changed::Search(Box::new(Summary::of(&search, self.config.training.epochs)))
                }
                What::Candidate(id) => Changed::Candidate(Box::new(search.candidate(id)?.clone())),
            };
            let place = Place {
                opened: self.opened,
                revision,
            };
            Some((place, changed))
        });
        let changed = changed.collect();
        let last = search.is_finished() && later.next().is_none();
        drop(later);
        state.search = Some(search);
        Ok(News { changed, last })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_written() {
        let place = Place {
            opened: 0x1a2b,
            revision: 17,
        };
        assert_eq!(place.to_string(), "1a2b-17");
        assert_eq!("1a2b-17".parse(), Ok(place));
        for other in ["", "17", "-", "x-1", "1a2b-", "1a2b--1", "1a2b-1-1"] {
            assert_eq!(other.parse::<Place>(), Err(()), "{other}");
        }
    }
}
