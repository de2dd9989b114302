//! What it costs that decisions overrun their budget.

/// The most observations in a row that are answered without a fit.
const LONGEST: u32 = 64;

/// The overruns of one trial: after each, more of the next observations are answered stale
/// without a fit, so that a trial whose fits are slow takes a bounded share of a core.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Overruns {
    /// Observations to pass over yet.
    left: u32,
    /// How many were passed over after the last overrun.
    length: u32,
}

impl Overruns {
    /// Whether the next observation is to be answered without a fit.
    pub(crate) fn passes_over(&mut self) -> bool {
        let passes = self.left > 0;
        self.left = self.left.saturating_sub(1);
        passes
    }

    /// Takes note of how a decision went.
    pub(crate) fn note(&mut self, overran: bool) {
        self.length = if overran {
            (self.length * 2).clamp(1, LONGEST)
        } else {
            0
        };
        self.left = self.length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_overrun_passes_over_twice_as_many_until_one_is_in_time() {
        let mut overruns = Overruns::default();
        let mut passed = Vec::new();
        for overran in [true, true, true, false, true] {
            overruns.note(overran);
            let mut count = 0;
            while overruns.passes_over() {
                count += 1;
            }
            passed.push(count);
        }
        assert_eq!(passed, [1, 2, 4, 0, 1]);
        for _ in 0..20 {
            overruns.note(true);
        }
        assert_eq!(overruns.left, LONGEST);
    }
}
