//! How unlike everything before a curve is.

use super::features::{COUNT, Features};

/// Of how many nearest neighbours the distances are compared.
const NEAREST: usize = 3;
/// Distances below this, in units of the features' spread, are none.
const FLOOR: f64 = 0.02;
/// Up to this ratio nothing is new: half of the points of a cloud are farther from their
/// neighbours than those from theirs.
const USUAL: f64 = 1.5;

/// How many times as far a point is from its nearest among `others` as those are from theirs; 1
/// for what is usual (the local outlier factor of Breunig et al., SIGMOD 2000, with plain
/// distances).
pub(super) fn novelty<'a>(
    others: &(impl Iterator<Item = &'a Features> + Clone),
    point: &Features,
) -> f64 {
    let mut distances: Vec<(f64, &Features)> = Vec::with_capacity(others.size_hint().0);
    let mut nearest = |from: &Features, count: usize| {
        distances.clear();
        distances.extend(others.clone().map(|other| (distance(from, other), other)));
        let index = count.min(distances.len()).checked_sub(1)?;
        let nth = distances.select_nth_unstable_by(index, |a, b| a.0.total_cmp(&b.0));
        let nth = nth.1.0;
        let near: Vec<&Features> = distances.iter().take(count).map(|(_, z)| *z).collect();
        Some((nth, near))
    };
    let Some((own, near)) = nearest(point, NEAREST) else {
        return 1.0;
    };
    // Each is the nearest to itself.
    let theirs: f64 = near
        .iter()
        .filter_map(|z| nearest(z, NEAREST + 1))
        .map(|(nth, _)| nth)
        .sum();
    let ratio = (own + FLOOR) / (theirs / near.len() as f64 + FLOOR);
    // Not a number is usual.
    (ratio / USUAL).max(1.0)
}

/// Root mean squared difference.
fn distance(a: &Features, b: &Features) -> f64 {
    let squares: f64 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum();
    (squares / COUNT as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(others: &[Features], at: f64) -> f64 {
        novelty(&others.iter(), &[at; COUNT])
    }

    #[test]
    fn what_is_far_from_all_is_new() {
        let line: Vec<Features> = (0..50).map(|i| [f64::from(i) / 10.0; COUNT]).collect();
        assert!((of(&line, 2.57) - 1.0).abs() < 1e-12);
        assert!(of(&line, 10.0) > 10.0 && of(&line, -1.0) > 2.0);
    }

    #[test]
    fn equal_curves_are_not_new_and_others_are() {
        let equal = [[1.0; COUNT]; 20];
        assert!((of(&equal, 1.0) - 1.0).abs() < 1e-12);
        assert!((of(&equal, 1.005) - 1.0).abs() < 1e-12, "rounding");
        assert!(of(&equal, 2.0) > 30.0);
    }

    #[test]
    fn few_others_are_enough() {
        assert!((of(&[], 1.0) - 1.0).abs() < 1e-12);
        assert!(of(&[[0.0; COUNT]], 1.0) > 30.0);
        assert!((of(&[[f64::NAN; COUNT]; 4], 1.0) - 1.0).abs() < 1e-12);
    }
}
