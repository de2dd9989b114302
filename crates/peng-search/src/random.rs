//! Genomes drawn uniformly among those whose network is not known yet.

use std::collections::HashSet;

use rand::Rng;

use crate::described::Values;
use crate::macro_space::Architecture;
use crate::space::{Genome, Network, Space};

/// Draws before the search for an unknown network goes on step by step.
const DRAWS: usize = 256;
/// Genomes visited step by step: every one of a space of up to 16 bits.
const STEPS: usize = 1 << 16;

/// The networks proposed so far. Different genomes can describe the same one.
#[derive(Debug, Default)]
pub(crate) struct Known(HashSet<Identity>);

/// What tells a network from others.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Identity {
    Macro(Architecture),
    Values(Values),
}

impl Identity {
    fn of(genome: &Genome, network: Network) -> Self {
        match (network, genome) {
            (Network::Macro(architecture), _) => Self::Macro(architecture),
            (Network::Described { values }, _) => Self::Values(values),
            (Network::Sequential(_), Genome::Values(values)) => Self::Values(values.clone()),
            // A sequential network has no other genome.
            (Network::Sequential(_), Genome::Macro(_)) => Self::Values(Values::default()),
        }
    }
}

impl Known {
    pub(crate) fn add(&mut self, genome: &Genome, network: Network) {
        self.0.insert(Identity::of(genome, network));
    }

    /// Whether the genome is of the space and its network a new one.
    pub(crate) fn is_new(&self, space: &Space, genome: &Genome) -> bool {
        let network = space.decode(genome);
        network.is_ok_and(|network| !self.0.contains(&Identity::of(genome, network)))
    }
}

/// A genome drawn uniformly, and again while its network is known. In a macro space (almost) used
/// up the genomes that follow a drawn one are tried in order; a known network is given only when
/// none of them is new.
pub(crate) fn draw(space: &Space, known: &Known, rng: &mut impl Rng) -> Genome {
    let mut genome = space.random(rng);
    for _ in 0..DRAWS {
        if known.is_new(space, &genome) {
            return genome;
        }
        genome = space.random(rng);
    }
    let (Space::Macro(shape), Genome::Macro(drawn)) = (space, &genome) else {
        return genome;
    };
    let mut next = drawn.clone();
    for _ in 0..STEPS.min(1 << shape.bits().min(16)) {
        let candidate = Genome::Macro(next);
        if known.is_new(space, &candidate) {
            return candidate;
        }
        let Genome::Macro(tried) = candidate else {
            break;
        };
        next = tried.successor();
    }
    genome
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::macro_space::{self, Input};

    #[test]
    fn a_small_space_is_used_up_before_a_network_comes_twice() {
        let input = Input {
            channels: 1,
            height: 28,
            width: 28,
        };
        let space: Space = macro_space::Space::new(3, vec![4, 8], input, 10)
            .unwrap()
            .into();
        let mut all = HashSet::new();
        let mut genome: macro_space::Genome = "0000-0000".parse().unwrap();
        for _ in 0..256 {
            let whole = Genome::Macro(genome.clone());
            all.insert(Identity::of(&whole, space.decode(&whole).unwrap()));
            genome = genome.successor();
        }
        let mut known = Known::default();
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for _ in 0..all.len() {
            let genome = draw(&space, &known, &mut rng);
            assert!(known.is_new(&space, &genome), "there are others left");
            known.add(&genome, space.decode(&genome).unwrap());
        }
        assert_eq!(known.0, all);
        draw(&space, &known, &mut rng);
    }
}
