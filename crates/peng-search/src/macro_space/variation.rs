//! Crossover and mutation of NSGA-Net (Lu et al., GECCO 2019, section 3).

use rand::Rng;
use rand::seq::SliceRandom;

use super::Genome;

impl Genome {
    /// A child of two genomes of one shape.
    pub(crate) fn cross(&self, father: &Self, rng: &mut impl Rng) -> Self {
        self.with_bits(cross(self.bits(), father.bits(), rng))
    }

    /// This genome with one bit flipped.
    pub(crate) fn mutate(&self, rng: &mut impl Rng) -> Self {
        let mut bits = self.bits().to_vec();
        flip_one(&mut bits, rng);
        self.with_bits(bits)
    }
}

/// Homogeneous crossover: bits that the parents share are inherited; among the others as many
/// places, drawn at random, are set that the child has no fewer ones than the one parent and no
/// more than the other. Parents are equally long.
fn cross(mother: &[bool], father: &[bool], rng: &mut impl Rng) -> Vec<bool> {
    let mut child = mother.to_vec();
    let mut differing: Vec<usize> = (0..child.len())
        .filter(|&place| mother[place] != father[place])
        .collect();
    let from_mother = differing.iter().filter(|&&place| mother[place]).count();
    let from_father = differing.len() - from_mother;
    let (fewest, most) = (from_mother.min(from_father), from_mother.max(from_father));
    let ones = rng.random_range(fewest..=most);
    let (set, cleared) = differing.partial_shuffle(rng, ones);
    for &mut place in set {
        child[place] = true;
    }
    for &mut place in cleared {
        child[place] = false;
    }
    child
}

/// Flips one bit, drawn uniformly: a mutation changes one phase at a time.
fn flip_one(bits: &mut [bool], rng: &mut impl Rng) {
    let place = rng.random_range(0..bits.len());
    bits[place] = !bits[place];
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn ones(bits: &[bool]) -> usize {
        bits.iter().filter(|&&bit| bit).count()
    }

    proptest! {
        #[test]
        fn children_keep_what_is_shared_and_lie_between_in_size(
            parents in proptest::collection::vec(any::<(bool, bool)>(), 2..60),
            seed in any::<u64>(),
        ) {
            let (mother, father): (Vec<bool>, Vec<bool>) = parents.into_iter().unzip();
            let child = cross(&mother, &father, &mut ChaCha8Rng::seed_from_u64(seed));
            for place in 0..child.len() {
                prop_assert!(mother[place] != father[place] || child[place] == mother[place]);
            }
            let (a, b) = (ones(&mother), ones(&father));
            prop_assert!((a.min(b)..=a.max(b)).contains(&ones(&child)));
        }

        #[test]
        fn a_mutation_flips_one_bit(
            before in proptest::collection::vec(any::<bool>(), 1..60),
            seed in any::<u64>(),
        ) {
            let mut after = before.clone();
            flip_one(&mut after, &mut ChaCha8Rng::seed_from_u64(seed));
            prop_assert_eq!(before.iter().zip(&after).filter(|(a, b)| a != b).count(), 1);
        }
    }
}
