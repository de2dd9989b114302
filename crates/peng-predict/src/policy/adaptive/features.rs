//! What is read off a curve at a cell.

use crate::epoch::Epoch;

/// How many features a curve has.
pub(super) const COUNT: usize = 6;

/// The features of a curve at a cell.
pub(super) type Features = [f64; COUNT];

/// Into how many cells the epochs up to the target are divided.
#[cfg(test)]
pub(super) const CELLS: usize = EDGES.len() + 1;

/// Ends of the cells but the last, as shares of the target: each cell is a tenth longer than the
/// one before, for what an epoch tells depends on how many came before it, and every further look
/// at a chance is an opportunity to misjudge it.
const EDGES: [f64; 73] = {
    let mut edges = [1.0 / 1024.0; 73];
    let mut index = 1;
    while index < edges.len() {
        edges[index] = edges[index - 1] * 1.1;
        index += 1;
    }
    edges
};

/// The cell of an epoch: 1 to 74.
pub(super) fn cell(epoch: Epoch, target: Epoch) -> u8 {
    cell_of_share(epoch.get() / target.get())
}

/// The cell of a share of the target.
pub(super) fn cell_of_share(share: f64) -> u8 {
    let cell = EDGES.partition_point(|edge| *edge < share) + 1;
    u8::try_from(cell).unwrap_or(u8::MAX)
}

/// A curve of scores, larger being better, as running sums and running bests: the mean of any
/// window and the best of any beginning cost two look-ups.
#[derive(Clone, Debug, Default)]
pub(super) struct Trace {
    sums: Vec<f64>,
    bests: Vec<f64>,
}

impl Trace {
    /// How many scores it has.
    pub(super) fn len(&self) -> usize {
        self.sums.len()
    }

    /// Keeps the first `len` scores.
    pub(super) fn truncate(&mut self, len: usize) {
        self.sums.truncate(len);
        self.bests.truncate(len);
    }

    /// Adds a score, finite.
    pub(super) fn push(&mut self, score: f64) {
        let sum = self.sums.last().copied().unwrap_or(0.0);
        let best = self.bests.last().copied().unwrap_or(f64::NEG_INFINITY);
        self.sums.push(sum + score);
        self.bests.push(best.max(score));
    }

    /// The mean of scores `from` to `to`, the end excluded, or of the one at `from`.
    fn mean(&self, from: usize, to: usize) -> f64 {
        let to = to.max(from + 1);
        let before = if from == 0 { 0.0 } else { self.sums[from - 1] };
        (self.sums[to - 1] - before) / (to - from) as f64
    }

    /// Of the first `t` scores the last, the means of the last quarter, of the third quarter and
    /// of the first half, the best, and the middle between the mean of the last quarter and what
    /// they were `extrapolated` to; `t` at least 1 and at most [`Self::len`].
    pub(super) fn features(&self, t: usize, extrapolated: Option<f64>) -> Features {
        let (half, three) = (t / 2, 3 * t / 4);
        let level = self.mean(three, t);
        [
            self.mean(t - 1, t),
            level,
            self.mean(half, three),
            self.mean(0, half),
            self.bests[t - 1],
            extrapolated.map_or(level, |end| f64::midpoint(level, end)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_the_last_three_means_and_the_best() {
        let mut trace = Trace::default();
        for score in [1.0, 3.0, 9.0, 5.0, 7.0, 6.0, 8.0, 4.0] {
            trace.push(score);
        }
        let close = |a: Features, b: Features| {
            assert!(
                a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12),
                "{a:?} {b:?}"
            );
        };
        close(trace.features(8, Some(7.0)), [4.0, 6.0, 6.5, 4.5, 9.0, 6.5]);
        close(trace.features(1, None), [1.0; COUNT]);
        trace.truncate(2);
        close(trace.features(2, None), [3.0, 3.0, 3.0, 1.0, 3.0, 3.0]);
    }

    #[test]
    fn cells_begin_at_one_and_end_at_the_target() {
        let cell = |epoch| cell(Epoch::new(epoch).unwrap(), Epoch::new(1024.0).unwrap());
        for (epoch, right) in [(1e-9, 1), (1.0, 1), (1.01, 2), (1.2, 3), (950.0, 73)] {
            assert_eq!(cell(epoch), right, "{epoch}");
        }
        for epoch in [1000.0, 1024.0, 1e9] {
            assert_eq!(usize::from(cell(epoch)), CELLS, "{epoch}");
        }
    }
}
