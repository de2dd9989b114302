//! A small search and workers without networks, for the tests of the state machine.

#![allow(dead_code, reason = "each test file uses some of it")]

use std::time::{Duration, SystemTime};

use peng_search::candidate::{Candidate, Outcome};
use peng_search::lease::Answer;
use peng_search::macro_space::{Input, Space};
use peng_search::settings::{Algorithm, Goal};
use peng_search::{Genome, Search, Settings};

pub(crate) const LEASE: Duration = Duration::from_mins(1);

pub(crate) fn settings(algorithm: Algorithm, candidates: u32, seed: u64) -> Settings {
    let input = Input {
        channels: 1,
        height: 28,
        width: 28,
    };
    Settings {
        algorithm,
        space: Space::new(4, vec![8, 16, 32], input, 10).unwrap().into(),
        seed,
        candidates,
        lease: LEASE,
        attempts: u32::MAX,
        goal: Goal::Maximize,
    }
}

pub(crate) fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// A fitness that only the genome decides: alternating bits are best. One in nine fails.
pub(crate) fn train(candidate: &Candidate) -> Outcome {
    let Genome::Macro(genome) = &candidate.genome else {
        panic!("the space is a macro space")
    };
    let bits = genome.bits();
    let good = bits
        .iter()
        .enumerate()
        .filter(|&(place, &bit)| bit == (place % 2 == 0))
        .count();
    if candidate.seed.is_multiple_of(9) {
        return Outcome::failed("out of memory", 1.0);
    }
    Outcome::succeeded(100.0 * good as f64 / bits.len() as f64, 12.0)
}

/// One worker after the other to the end; the search must not be waiting for a lease.
pub(crate) fn finish(search: &mut Search, now: SystemTime) {
    loop {
        match search.lease("finisher", now).answer {
            Answer::Leased(candidate) => {
                let token = candidate.lease().unwrap().token.clone();
                let _ = search
                    .settle(candidate.id, Some(&token), train(&candidate))
                    .unwrap();
            }
            Answer::Finished => return,
            Answer::Wait { until } => panic!("no lease runs, and yet it waits until {until:?}"),
        }
    }
}
