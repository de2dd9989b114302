//! Fast non-dominated sorting.

use crate::pareto::Objectives;

/// The fronts, best first, each as places in `objectives` in rising order: the first front is
/// dominated by none, the next one only by members of earlier ones. O(n^2).
pub(super) fn fronts(objectives: &[Objectives]) -> Vec<Vec<usize>> {
    let count = objectives.len();
    let mut beats: Vec<Vec<usize>> = vec![Vec::new(); count];
    let mut beaten_by = vec![0_usize; count];
    for (a, &ours) in objectives.iter().enumerate() {
        for (b, &theirs) in objectives.iter().enumerate() {
            if ours.dominates(theirs) {
                beats[a].push(b);
                beaten_by[b] += 1;
            }
        }
    }
    let mut fronts = Vec::new();
    let mut front: Vec<usize> = (0..count).filter(|&place| beaten_by[place] == 0).collect();
    while !front.is_empty() {
        let mut next = Vec::new();
        for &place in &front {
            for &other in &beats[place] {
                beaten_by[other] -= 1;
                if beaten_by[other] == 0 {
                    next.push(other);
                }
            }
        }
        next.sort_unstable();
        fronts.push(std::mem::replace(&mut front, next));
    }
    fronts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// By the definition: peel off whatever nothing that is left dominates.
    fn naive(objectives: &[Objectives]) -> Vec<Vec<usize>> {
        let mut left: Vec<usize> = (0..objectives.len()).collect();
        let mut fronts = Vec::new();
        while !left.is_empty() {
            let (front, rest): (Vec<usize>, Vec<usize>) = left.iter().partition(|&&place| {
                !left
                    .iter()
                    .any(|&other| objectives[other].dominates(objectives[place]))
            });
            fronts.push(front);
            left = rest;
        }
        fronts
    }

    fn any_objectives() -> impl Strategy<Value = Objectives> {
        prop_oneof![
            8 => (0_u8..12, 0_u64..12)
                .prop_map(|(fitness, flops)| Objectives { fitness: fitness.into(), flops }),
            1 => Just(Objectives { fitness: f64::NEG_INFINITY, flops: u64::MAX }),
        ]
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(
            objectives in proptest::collection::vec(any_objectives(), 0..40)
        ) {
            prop_assert_eq!(fronts(&objectives), naive(&objectives));
        }
    }
}
