//! NSGA-II (Deb, Pratap, Agarwal and Meyarivan, IEEE TEC 6(2), 2002): which candidates survive
//! and how the next ones are bred from them.

mod crowding;
mod selection;
mod sorting;

use rand::Rng;

pub(crate) use selection::{Survivor, survivors};

use crate::candidate::Candidate;
use crate::random::{self, Known};
use crate::space::{Genome, Space};

/// Children bred before a random genome is drawn instead.
const TRIES: usize = 64;

/// How children are made; see [`crate::settings::Algorithm::Nsga2`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rates {
    pub(crate) crossover: f64,
    pub(crate) mutation: f64,
    pub(crate) tournament: u32,
}

/// A child of two survivors whose network is new. `survivors` name places in `candidates` and
/// are at least one.
pub(crate) fn breed(
    space: &Space,
    candidates: &[Candidate],
    survivors: &[Survivor],
    rates: Rates,
    known: &Known,
    rng: &mut impl Rng,
) -> Genome {
    for _ in 0..TRIES {
        let mother = selection::tournament(survivors, rates.tournament, rng);
        let father = selection::tournament(survivors, rates.tournament, rng);
        let mother = &candidates[mother].genome;
        let father = &candidates[father].genome;
        let mut child = if rng.random_bool(rates.crossover) {
            space.cross(mother, father, rng)
        } else {
            mother.clone()
        };
        if rng.random_bool(rates.mutation) {
            child = space.mutate(&child, rng);
        }
        if known.is_new(space, &child) {
            return child;
        }
    }
    random::draw(space, known, rng)
}
