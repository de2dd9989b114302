//! What is read off a curve at a cell.

use crate::epoch::Epoch;

/// How many features a curve has.
pub(super) const COUNT: usize = 5;

/// The features of a curve at a cell.
pub(super) type Features = [f64; COUNT];

/// Into how many cells the epochs up to the target are divided.
pub(super) const CELLS: usize = 128;

/// The cell of an epoch: 1 to [`CELLS`], the last one at the target and after it.
pub(super) fn cell(epoch: Epoch, target: Epoch) -> u8 {
    let share = (epoch.get() / target.get()).clamp(0.0, 1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "1 to CELLS"
    )]
    let cell = (share * CELLS as f64).ceil().max(1.0) as u8;
    cell
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
    /// of the first half, and the best; `t` at least 1 and at most [`Self::len`].
    pub(super) fn features(&self, t: usize) -> Features {
        let (half, three) = (t / 2, 3 * t / 4);
        [
            self.mean(t - 1, t),
            self.mean(three, t),
            self.mean(half, three),
            self.mean(0, half),
            self.bests[t - 1],
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
        close(trace.features(8), [4.0, 6.0, 6.5, 4.5, 9.0]);
        close(trace.features(1), [1.0; 5]);
        trace.truncate(2);
        close(trace.features(2), [3.0, 3.0, 3.0, 1.0, 3.0]);
    }

    #[test]
    fn cells_begin_at_one_and_end_at_the_target() {
        let cell = |epoch| cell(Epoch::new(epoch).unwrap(), Epoch::new(64.0).unwrap());
        for (epoch, right) in [
            (1e-9, 1),
            (0.5, 1),
            (0.6, 2),
            (63.9, 128),
            (64.0, 128),
            (1e9, 128),
        ] {
            assert_eq!(cell(epoch), right, "{epoch}");
        }
    }
}
