//! Which of a search's parts have changed since when.

use std::{
    collections::{BTreeMap, HashMap},
    mem::{Discriminant, discriminant},
};

use peng_search::{
    Candidate, Search,
    candidate::{Id, State},
};

/// A part of a search that changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// Whether it is paused or finished.
    Search,
    /// One of its candidates.
    Candidate(Id),
}

/// What tells a state of a candidate from the one before; a lease that is renewed is none.
type Stage = (u32, Discriminant<State>);

/// Each part with the number of its last change, counted over all of them from 1.
#[derive(Debug)]
pub(super) struct Revisions {
    parts: BTreeMap<u64, What>,
    candidates: HashMap<Id, (u64, Stage)>,
    search: (u64, (bool, bool)),
}

fn stage(candidate: &Candidate) -> Stage {
    (candidate.attempt, discriminant(&candidate.state))
}

fn mode(search: &Search) -> (bool, bool) {
    (search.is_paused(), search.is_finished())
}

impl Revisions {
    /// The search, then its candidates.
    pub(super) fn of(search: &Search) -> Self {
        let mut revisions = Self {
            parts: BTreeMap::from([(1, What::Search)]),
            candidates: HashMap::new(),
            search: (1, mode(search)),
        };
        revisions.note(search, search.candidates());
        revisions
    }

    /// Takes note of what has changed among these candidates, then of the search itself.
    pub(super) fn note(&mut self, search: &Search, candidates: &[Candidate]) {
        for candidate in candidates {
            let now = stage(candidate);
            let before = self.candidates.get(&candidate.id).copied();
            if before.is_some_and(|(_, stage)| stage == now) {
                continue;
            }
            let revision = self.add(What::Candidate(candidate.id), before.map(|(at, _)| at));
            self.candidates.insert(candidate.id, (revision, now));
        }
        let (before, now) = (self.search, mode(search));
        if before.1 != now {
            self.search = (self.add(What::Search, Some(before.0)), now);
        }
    }

    fn add(&mut self, what: What, before: Option<u64>) -> u64 {
        let revision = self.latest() + 1;
        if let Some(before) = before {
            self.parts.remove(&before);
        }
        self.parts.insert(revision, what);
        revision
    }

    /// The last revision.
    pub(super) fn latest(&self) -> u64 {
        self.parts
            .last_key_value()
            .map_or(0, |(&revision, _)| revision)
    }

    /// What has changed after a revision, in order; each part once.
    pub(super) fn after(&self, revision: u64) -> impl Iterator<Item = (u64, What)> {
        let later = revision.saturating_add(1)..;
        self.parts.range(later).map(|(&at, &what)| (at, what))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use peng_search::{
        Settings,
        lease::Answer,
        macro_space::{Input, Space},
        settings::{Algorithm, Goal},
    };

    use super::*;

    fn search() -> Search {
        let input = Input {
            channels: 1,
            height: 28,
            width: 28,
        };
        Search::new(Settings {
            algorithm: Algorithm::Random,
            space: Space::new(4, vec![4, 8], input, 10).unwrap().into(),
            seed: 7,
            candidates: 2,
            lease: Duration::from_secs(30),
            attempts: 3,
            goal: Goal::Maximize,
        })
        .unwrap()
    }

    #[test]
    fn each_part_is_there_once_in_the_order_of_its_last_change() {
        let mut search = search();
        let (a, b) = (search.candidates()[0].id, search.candidates()[1].id);
        let mut revisions = Revisions::of(&search);
        let all = |revisions: &Revisions, after| revisions.after(after).collect::<Vec<_>>();
        let [first, second] = [What::Candidate(a), What::Candidate(b)];
        assert_eq!(
            all(&revisions, 0),
            [(1, What::Search), (2, first), (3, second)]
        );

        let now = SystemTime::UNIX_EPOCH;
        let reply = search.lease("worker", now);
        revisions.note(&search, &reply.changed);
        assert_eq!(all(&revisions, 3), [(4, first)]);
        let Answer::Leased(candidate) = reply.answer else {
            panic!("there is work")
        };
        let token = candidate.lease().unwrap().token.clone();
        let renewed = search
            .renew(a, &token, now + Duration::from_secs(9))
            .unwrap();
        revisions.note(&search, &[renewed]);
        assert_eq!(revisions.latest(), 4, "nobody sees that a lease is renewed");

        assert!(search.pause());
        revisions.note(&search, &[]);
        assert_eq!(
            all(&revisions, 0),
            [(3, second), (4, first), (5, What::Search)]
        );
        assert_eq!(all(&revisions, 5), []);
        assert_eq!(all(&revisions, u64::MAX), []);
    }
}
