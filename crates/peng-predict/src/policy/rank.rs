//! Values in two heaps, cut at a place in their order.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// Scores, larger is better, cut into the best few and the rest. An insertion takes time
/// proportional to the logarithm of their number, as long as the cut moves by at most one.
#[derive(Clone, Debug, Default)]
pub(super) struct Rank {
    top: BinaryHeap<Reverse<Score>>,
    rest: BinaryHeap<Score>,
}

#[derive(Clone, Copy, Debug)]
struct Score(f64);

impl Rank {
    /// How many scores there are.
    pub(super) fn len(&self) -> usize {
        self.top.len() + self.rest.len()
    }

    /// Adds a score; then the best `top(n)` of all n make the top.
    pub(super) fn insert(&mut self, score: f64, top: impl FnOnce(usize) -> usize) {
        self.top.push(Reverse(Score(score)));
        if let Some(Reverse(least)) = self.top.pop() {
            self.rest.push(least);
        }
        let top = top(self.len());
        while self.top.len() < top
            && let Some(best) = self.rest.pop()
        {
            self.top.push(Reverse(best));
        }
        while self.top.len() > top
            && let Some(Reverse(least)) = self.top.pop()
        {
            self.rest.push(least);
        }
    }

    /// The least score of the top.
    pub(super) fn least_of_top(&self) -> Option<f64> {
        self.top.peek().map(|Reverse(score)| score.0)
    }

    /// The best score below the top.
    pub(super) fn best_of_rest(&self) -> Option<f64> {
        self.rest.peek().map(|score| score.0)
    }
}

impl PartialEq for Score {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Score {}

impl Ord for Score {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cut_is_that_of_the_sorted_scores() {
        let mut rank = Rank::default();
        let mut sorted: Vec<f64> = Vec::new();
        for step in 0..200_u32 {
            let score = f64::from(step * 7919 % 101);
            rank.insert(score, |n| n / 3);
            sorted.push(score);
            sorted.sort_by(|a, b| b.total_cmp(a));
            let top = sorted.len() / 3;
            assert_eq!(rank.least_of_top(), sorted[..top].last().copied());
            assert_eq!(rank.best_of_rest(), sorted.get(top).copied());
        }
    }
}
