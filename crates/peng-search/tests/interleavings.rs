//! Properties of the search under any interleaving of workers, lost leases and restarts.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::{HashMap, HashSet};

use common::{LEASE, at, finish, settings, train};
use peng_search::candidate::{Candidate, Id};
use peng_search::lease::{Answer, Error, Settlement};
use peng_search::settings::Algorithm;
use peng_search::{Network, Search, Settings};
use proptest::prelude::*;

/// What may happen next. Leases are picked among all that were ever given.
#[derive(Debug, Clone)]
enum Event {
    Lease,
    Renew(usize),
    Release(usize),
    Lose(usize),
    Settle(usize),
    Verdict(usize),
    Pass(u64),
    Pause,
    Resume,
    Restart,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let pick = any::<usize>;
    let event = prop_oneof![
        6 => Just(Event::Lease),
        1 => pick().prop_map(Event::Renew),
        1 => pick().prop_map(Event::Release),
        1 => pick().prop_map(Event::Lose),
        4 => pick().prop_map(Event::Settle),
        1 => pick().prop_map(Event::Verdict),
        1 => (0_u64..80).prop_map(Event::Pass),
        1 => Just(Event::Pause),
        2 => Just(Event::Resume),
        1 => Just(Event::Restart),
    ];
    proptest::collection::vec(event, 0..120)
}

/// A search, what a shell stored of it, the leases its workers believe in, and a clock.
struct Fleet {
    search: Search,
    stored: HashMap<Id, Candidate>,
    leases: Vec<(Candidate, String)>,
    settlements: HashMap<Id, usize>,
    seconds: u64,
}

impl Fleet {
    fn new(settings: Settings) -> Self {
        let search = Search::new(settings).unwrap();
        let stored = HashMap::new();
        let mut fleet = Self {
            search,
            stored,
            leases: Vec::new(),
            settlements: HashMap::new(),
            seconds: 0,
        };
        let first = fleet.search.candidates().to_vec();
        fleet.store(first);
        fleet
    }

    fn store(&mut self, changed: Vec<Candidate>) {
        self.stored.extend(
            changed
                .into_iter()
                .map(|candidate| (candidate.id, candidate)),
        );
        for candidate in self.search.candidates() {
            assert_eq!(
                self.stored.get(&candidate.id),
                Some(candidate),
                "a change was not told"
            );
        }
    }

    fn happen(&mut self, event: &Event) {
        let now = at(self.seconds);
        match *event {
            Event::Lease => {
                let reply = self.search.lease("worker", now);
                self.store(reply.changed);
                if let Answer::Leased(candidate) = reply.answer {
                    assert!(!self.search.is_paused());
                    let token = candidate.lease().unwrap().token.clone();
                    assert!(self.leases.iter().all(|(_, other)| *other != token));
                    self.leases.push((candidate, token));
                }
            }
            Event::Renew(pick) => {
                self.act(pick, |search, candidate, token| {
                    Ok(vec![search.renew(candidate.id, token, now)?])
                });
            }
            Event::Release(pick) => {
                self.act(pick, |search, candidate, token| {
                    Ok(vec![search.release(candidate.id, token)?])
                });
            }
            Event::Lose(pick) => {
                self.act(pick, |search, candidate, token| {
                    search.lose(candidate.id, token)
                });
            }
            Event::Settle(pick) => self.settle(pick, true),
            Event::Verdict(pick) => self.settle(pick, false),
            Event::Pass(seconds) => {
                self.seconds += seconds;
                let changed = self.search.expire(at(self.seconds));
                self.store(changed);
            }
            Event::Pause => {
                let (before, finished) = (self.search.is_paused(), self.search.is_finished());
                assert_eq!(self.search.pause(), !before && !finished);
                assert_eq!(self.search.is_paused(), !finished);
            }
            Event::Resume => {
                self.search.resume();
                assert!(!self.search.is_paused());
            }
            Event::Restart => {
                let paused = self.search.is_paused();
                let settings = self.search.settings().clone();
                let stored = self.stored.values().cloned().collect();
                self.search = Search::restore(settings, stored).unwrap();
                assert_eq!(paused && self.search.pause(), paused);
            }
        }
    }

    /// A worker does something with a lease, which works if and only if the lease runs.
    fn act(
        &mut self,
        pick: usize,
        action: impl Fn(&mut Search, &Candidate, &str) -> Result<Vec<Candidate>, Error>,
    ) {
        let Some((candidate, token)) = self.picked(pick) else {
            return;
        };
        let runs = self.runs(&candidate, &token);
        let result = action(&mut self.search, &candidate, &token);
        assert_eq!(result.is_ok(), runs, "{result:?}");
        self.store(result.unwrap_or_default());
    }

    fn settle(&mut self, pick: usize, with_token: bool) {
        let Some((candidate, token)) = self.picked(pick) else {
            return;
        };
        let runs = self.runs(&candidate, &token);
        let before = self
            .search
            .candidate(candidate.id)
            .unwrap()
            .outcome()
            .cloned();
        let token = with_token.then_some(token.as_str());
        match self.search.settle(candidate.id, token, train(&candidate)) {
            Ok(Settlement::Settled(changed)) => {
                assert!(before.is_none() && (runs || token.is_none()));
                *self.settlements.entry(candidate.id).or_default() += 1;
                self.store(changed);
            }
            Ok(Settlement::AlreadySettled(first)) => assert_eq!(before, Some(first)),
            Err(error) => {
                assert_eq!(error, Error::Stale { id: candidate.id });
                assert!(token.is_some() && !runs);
            }
        }
    }

    fn picked(&self, pick: usize) -> Option<(Candidate, String)> {
        (!self.leases.is_empty()).then(|| self.leases[pick % self.leases.len()].clone())
    }

    fn runs(&self, candidate: &Candidate, token: &str) -> bool {
        let now = self.search.candidate(candidate.id).unwrap();
        now.lease().is_some_and(|lease| lease.token == token)
    }
}

/// What must not depend on who did what when.
fn essence(search: &Search) -> Vec<String> {
    let line = |c: &Candidate| format!("{} {} {} {:?}", c.id, c.genome, c.seed, c.outcome());
    search.candidates().iter().map(line).collect()
}

fn algorithms() -> impl Strategy<Value = Algorithm> {
    prop_oneof![
        Just(Algorithm::Random),
        (2_u32..6).prop_map(Algorithm::nsga2)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_candidate_is_settled_once_and_the_search_ends_the_same(
        events in events(),
        algorithm in algorithms(),
        seed in 0_u64..1000,
    ) {
        let settings = settings(algorithm, 14, seed);
        let mut fleet = Fleet::new(settings.clone());
        for event in &events {
            fleet.happen(event);
        }
        fleet.seconds += 2 * LEASE.as_secs();
        let changed = fleet.search.expire(at(fleet.seconds));
        fleet.store(changed);
        prop_assert!(fleet.settlements.values().all(|&times| times == 1));
        let progress = fleet.search.progress();
        prop_assert_eq!(progress.leased, 0);
        fleet.search.resume();
        prop_assert_eq!(progress.settled, fleet.settlements.len());
        finish(&mut fleet.search, at(fleet.seconds));

        let mut undisturbed = Search::new(settings).unwrap();
        finish(&mut undisturbed, at(0));
        prop_assert_eq!(essence(&fleet.search), essence(&undisturbed));
        prop_assert_eq!(fleet.search.front(), undisturbed.front());
    }

    #[test]
    fn a_higher_budget_goes_on_where_the_lower_one_ended(
        (low, high) in (1_u32..12).prop_flat_map(|low| (Just(low), low..16)),
        algorithm in algorithms(),
    ) {
        let mut whole = Search::new(settings(algorithm, high, 4)).unwrap();
        finish(&mut whole, at(0));
        let mut part = Search::new(settings(algorithm, low, 4)).unwrap();
        finish(&mut part, at(0));
        let stored = part.candidates().to_vec();
        let mut rest = Search::restore(settings(algorithm, high, 4), stored).unwrap();
        finish(&mut rest, at(0));
        prop_assert_eq!(essence(&rest), essence(&whole));
    }

    #[test]
    fn no_network_is_proposed_twice(algorithm in algorithms(), seed in any::<u64>()) {
        let mut search = Search::new(settings(algorithm, 60, seed)).unwrap();
        finish(&mut search, at(0));
        let space = &search.settings().space;
        let networks: HashSet<_> =
            search.candidates().iter().map(|c| match space.decode(&c.genome).unwrap() {
                Network::Macro(network) => network,
                other => panic!("{other:?}"),
            }).collect();
        prop_assert_eq!(networks.len(), 60);
    }
}

#[test]
fn evolution_finds_fitter_networks_than_chance() {
    let best = |algorithm, seed| {
        let mut search = Search::new(settings(algorithm, 200, seed)).unwrap();
        finish(&mut search, at(0));
        search
            .candidates()
            .iter()
            .filter_map(Candidate::fitness)
            .fold(0.0, f64::max)
    };
    let mean = |algorithm| (0..8).map(|seed| best(algorithm, seed)).sum::<f64>() / 8.0;
    let (evolved, drawn) = (mean(Algorithm::nsga2(20)), mean(Algorithm::Random));
    assert!(evolved > drawn + 3.0, "evolved {evolved}, drawn {drawn}");
}
