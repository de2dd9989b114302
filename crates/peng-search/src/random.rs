//! Genomes drawn uniformly among those whose network is not known yet.

use std::collections::HashSet;

use rand::Rng;

use crate::macro_space::{Architecture, Genome, Space, decode};

/// Draws before the search for an unknown network goes on step by step.
const DRAWS: usize = 256;
/// Genomes visited step by step: every one of a space of up to 16 bits.
const STEPS: usize = 1 << 16;

/// The networks proposed so far. Different genomes can describe the same one.
#[derive(Debug, Default)]
pub(crate) struct Known(HashSet<Architecture>);

impl Known {
    pub(crate) fn add(&mut self, architecture: Architecture) {
        self.0.insert(architecture);
    }

    /// The network of a genome, if it is a new one.
    pub(crate) fn unknown(&self, space: &Space, genome: &Genome) -> Option<Architecture> {
        decode(space, genome)
            .ok()
            .filter(|architecture| !self.0.contains(architecture))
    }
}

/// A genome drawn uniformly, and again while its network is known. In a space (almost) used up
/// the genomes that follow a drawn one are tried in order; a known network is given only when
/// none of them is new.
pub(crate) fn draw(space: &Space, known: &Known, rng: &mut impl Rng) -> Genome {
    let mut genome = Genome::random(space, rng);
    for _ in 0..DRAWS {
        if known.unknown(space, &genome).is_some() {
            return genome;
        }
        genome = Genome::random(space, rng);
    }
    let mut next = genome.clone();
    for _ in 0..STEPS.min(1 << space.bits().min(16)) {
        if known.unknown(space, &next).is_some() {
            return next;
        }
        next = next.successor();
    }
    genome
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::macro_space::Input;

    #[test]
    fn a_small_space_is_used_up_before_a_network_comes_twice() {
        let input = Input {
            channels: 1,
            height: 28,
            width: 28,
        };
        let space = Space::new(3, vec![4, 8], input, 10).unwrap();
        let mut all = HashSet::new();
        let mut genome: Genome = "0000-0000".parse().unwrap();
        for _ in 0..256 {
            all.insert(decode(&space, &genome).unwrap());
            genome = genome.successor();
        }
        let mut known = Known::default();
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for _ in 0..all.len() {
            let genome = draw(&space, &known, &mut rng);
            known.add(
                known
                    .unknown(&space, &genome)
                    .expect("there are others left"),
            );
        }
        assert_eq!(known.0, all);
        draw(&space, &known, &mut rng);
    }
}
