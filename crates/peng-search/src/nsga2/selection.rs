//! Who survives, and who becomes a parent.

use std::cmp::Ordering;

use rand::Rng;

use super::{crowding, sorting};
use crate::pareto::Objectives;

/// A candidate that survived the selection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Survivor {
    /// Its place among all candidates.
    pub(crate) index: usize,
    rank: usize,
    crowding: f64,
}

impl Survivor {
    /// Lower rank, then more room, then proposed earlier: better ones first.
    fn compare(&self, other: &Self) -> Ordering {
        let by_room = other.crowding.total_cmp(&self.crowding);
        self.rank
            .cmp(&other.rank)
            .then(by_room)
            .then(self.index.cmp(&other.index))
    }
}

/// The best `size` of a pool of (place among all candidates, objectives), best first.
pub(crate) fn survivors(pool: &[(usize, Objectives)], size: usize) -> Vec<Survivor> {
    let objectives: Vec<Objectives> = pool.iter().map(|&(_, objectives)| objectives).collect();
    let mut ranked = Vec::with_capacity(pool.len());
    for (rank, front) in sorting::fronts(&objectives).iter().enumerate() {
        let members: Vec<Objectives> = front.iter().map(|&place| objectives[place]).collect();
        let rooms = crowding::distances(&members);
        ranked.extend(front.iter().zip(rooms).map(|(&place, crowding)| Survivor {
            index: pool[place].0,
            rank,
            crowding,
        }));
    }
    ranked.sort_by(Survivor::compare);
    ranked.truncate(size);
    ranked
}

/// The place among all candidates of the best of `size` survivors drawn with replacement.
/// There must be one.
pub(super) fn tournament(survivors: &[Survivor], size: u32, rng: &mut impl Rng) -> usize {
    let mut draw = || &survivors[rng.random_range(0..survivors.len())];
    let mut best = draw();
    for _ in 1..size {
        let other = draw();
        if other.compare(best).is_lt() {
            best = other;
        }
    }
    best.index
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn pool(points: &[(f64, u64)]) -> Vec<(usize, Objectives)> {
        let objectives = |&(fitness, flops): &(f64, u64)| Objectives { fitness, flops };
        points.iter().map(objectives).enumerate().collect()
    }

    #[test]
    fn better_fronts_then_roomier_places_then_earlier_ids_survive() {
        // Places 0, 1, 2, 3 make the first front, 1 in a crowd; 4 and 5 are equal and dominated.
        let pool = pool(&[
            (10.0, 10),
            (11.0, 11),
            (50.0, 50),
            (90.0, 90),
            (9.0, 20),
            (9.0, 20),
        ]);
        let indices = |size| -> Vec<usize> {
            survivors(&pool, size)
                .iter()
                .map(|survivor| survivor.index)
                .collect()
        };
        assert_eq!(indices(3), [0, 3, 2]);
        assert_eq!(indices(5), [0, 3, 2, 1, 4]);
        assert_eq!(indices(9), [0, 3, 2, 1, 4, 5]);
    }

    #[test]
    fn tournaments_prefer_the_better() {
        let survivors = survivors(&pool(&[(90.0, 10), (80.0, 20), (70.0, 30), (60.0, 40)]), 4);
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut wins = [0; 4];
        for _ in 0..4000 {
            wins[tournament(&survivors, 2, &mut rng)] += 1;
        }
        // Of two drawn with replacement the best of four wins with probability 7/16.
        assert!((1650..1850).contains(&wins[0]), "{wins:?}");
        assert!(wins.is_sorted_by(|a, b| a > b), "{wins:?}");
    }

    proptest! {
        #[test]
        fn no_survivor_is_dominated_by_one_that_did_not_survive(
            points in proptest::collection::vec((0_u8..10, 0_u64..10), 1..30),
            size in 1_usize..30,
        ) {
            let points: Vec<(f64, u64)> =
                points.into_iter().map(|(fitness, flops)| (fitness.into(), flops)).collect();
            let pool = pool(&points);
            let kept = survivors(&pool, size);
            prop_assert_eq!(kept.len(), size.min(pool.len()));
            for (index, objectives) in &pool {
                if kept.iter().all(|survivor| survivor.index != *index) {
                    prop_assert!(kept.iter().all(|s| !objectives.dominates(pool[s.index].1)));
                }
            }
        }
    }
}
