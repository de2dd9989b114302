//! Crowding distance: how much room a member of a front has among its neighbours.

use crate::pareto::Objectives;

/// The crowding distance of each member of one front, in the front's order: for each objective
/// the gap between the two neighbours over the front's range, summed; infinite at the ends.
/// Members with equal values are ordered as in the front.
pub(super) fn distances(front: &[Objectives]) -> Vec<f64> {
    let mut distances = vec![0.0; front.len()];
    add(&mut distances, front, |objectives| objectives.fitness);
    add(&mut distances, front, |objectives| objectives.flops as f64);
    distances
}

fn add(distances: &mut [f64], front: &[Objectives], value: impl Fn(&Objectives) -> f64) {
    let mut order: Vec<usize> = (0..front.len()).collect();
    order.sort_by(|&a, &b| value(&front[a]).total_cmp(&value(&front[b])));
    let (Some(&first), Some(&last)) = (order.first(), order.last()) else {
        return;
    };
    distances[first] = f64::INFINITY;
    distances[last] = f64::INFINITY;
    let range = value(&front[last]) - value(&front[first]);
    // No range, or one that only a front of candidates without fitness has: no gaps to compare.
    if !range.is_finite() || range <= 0.0 {
        return;
    }
    for window in order.windows(3) {
        let gap = value(&front[window[2]]) - value(&front[window[0]]);
        distances[window[1]] += gap / range;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn objectives(fitness: f64, flops: u64) -> Objectives {
        Objectives { fitness, flops }
    }

    #[test]
    fn a_worked_front() {
        let front = [
            objectives(10.0, 100),
            objectives(60.0, 200),
            objectives(20.0, 110),
            objectives(90.0, 300),
        ];
        let distances = distances(&front);
        assert!(distances[0].is_infinite() && distances[3].is_infinite());
        // Fitness 20..90 of 80, flops 110..300 of 200; then 10..60 and 100..200.
        assert!((distances[1] - (70.0 / 80.0 + 190.0 / 200.0)).abs() < 1e-12);
        assert!((distances[2] - (50.0 / 80.0 + 100.0 / 200.0)).abs() < 1e-12);
    }

    #[test]
    fn a_front_without_fitness_is_no_exception() {
        let front = [objectives(f64::NEG_INFINITY, u64::MAX); 4];
        assert_eq!(distances(&front), [f64::INFINITY, 0.0, 0.0, f64::INFINITY]);
    }

    proptest! {
        #[test]
        fn gaps_cover_each_range_at_most_twice(
            points in proptest::collection::btree_map(0_u64..1000, 1_u32..50, 3..20)
        ) {
            // Fitness rises with flops, as on a front without ties.
            let mut fitness = 0.0;
            let front: Vec<Objectives> = points
                .iter()
                .map(|(&flops, &step)| {
                    fitness += f64::from(step);
                    objectives(fitness, flops)
                })
                .collect();
            let distances = distances(&front);
            prop_assert!(distances.iter().all(|&distance| distance >= 0.0));
            let inner: f64 = distances.iter().filter(|distance| distance.is_finite()).sum();
            // Each objective's gaps between second neighbours cover its range at most twice.
            prop_assert!(inner <= 4.0 + 1e-9);
            prop_assert_eq!(distances.iter().filter(|distance| distance.is_infinite()).count(), 2);
        }
    }
}
