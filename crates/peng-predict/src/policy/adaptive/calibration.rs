//! Whether intervals hold what they promise, from the trials that were trained on regardless.

use crate::policy::Calibration;

/// How many trials the assumption that intervals are right counts for.
const PRIOR: f64 = 10.0;
/// Half-normal quantiles over the normal 95 % quantile, at the middles of ten equal shares: the
/// nonconformity of trials whose intervals are right.
const RIGHT: [f64; 10] = [
    0.038, 0.115, 0.194, 0.276, 0.363, 0.459, 0.568, 0.699, 0.875, 1.192,
];
/// How many nonconformities are remembered: the newest.
const MOST: usize = 256;

/// What was predicted when a trial was first to be stopped; scores, larger being better.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Given {
    /// The median.
    pub(super) fitness: f64,
    /// The 90 % interval.
    pub(super) most: [f64; 2],
    /// The 50 % interval, if it was given.
    pub(super) half: Option<[f64; 2]>,
    /// By what factor they were widened.
    pub(super) widening: f64,
}

impl Given {
    /// How far the truth is from the fitness, as a share of the interval that would have been
    /// without widening.
    fn nonconformity(&self, truth: f64) -> f64 {
        let away = (truth - self.fitness).abs();
        let end = self.most[usize::from(truth > self.fitness)];
        let half = (end - self.fitness).abs();
        if away <= 0.0 {
            0.0
        } else {
            // Without a width nothing is right but the truth.
            (away / half * self.widening).min(1e6)
        }
    }
}

/// Split conformal calibration (Vovk et al., *Algorithmic Learning in a Random World*, 2005; the
/// multiplicative score of Romano et al.,
/// *Conformalized Quantile Regression*, 2019) with a prior, and the account of stops.
#[derive(Debug)]
pub(super) struct Experience {
    nonconformities: Vec<f64>,
    next: usize,
    account: Calibration,
}

impl Default for Experience {
    fn default() -> Self {
        let nonconformities = Vec::new();
        let account = Calibration {
            widening: widening(&nonconformities),
            ..Calibration::default()
        };
        Self {
            nonconformities,
            next: 0,
            account,
        }
    }
}

impl Experience {
    /// By what factor intervals are widened, 0.5 to 4.
    pub(super) const fn widening(&self) -> f64 {
        self.account.widening
    }

    /// The account.
    pub(super) const fn account(&self) -> &Calibration {
        &self.account
    }

    /// Counts a trial that nothing could stop and that ended among the best or not.
    pub(super) fn count(&mut self, is_best: bool) {
        self.account.best += u64::from(is_best);
    }

    /// Learns how the prediction of a stop fared against the measured `truth`.
    pub(super) fn learn(&mut self, given: &Given, truth: f64, is_best: bool) {
        let holds = |[lower, upper]: [f64; 2]| u64::from(lower <= truth && truth <= upper);
        self.account.stops += 1;
        self.account.covered_90 += holds(given.most);
        self.account.covered_50 += given.half.map_or(0, holds);
        self.account.lost_best += u64::from(is_best);
        let nonconformity = given.nonconformity(truth);
        if self.nonconformities.len() < MOST {
            self.nonconformities.push(nonconformity);
        } else {
            self.nonconformities[self.next] = nonconformity;
            self.next = (self.next + 1) % MOST;
        }
        self.account.widening = widening(&self.nonconformities);
    }
}

/// The 90 % quantile of the nonconformities and the prior's, one more of which is held to be the
/// largest; 0.5 to 4.
fn widening(nonconformities: &[f64]) -> f64 {
    let weight = PRIOR / RIGHT.len() as f64;
    let mut all: Vec<(f64, f64)> = RIGHT.iter().map(|right| (*right, weight)).collect();
    all.extend(nonconformities.iter().map(|own| (*own, 1.0)));
    all.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let enough = 0.9 * (PRIOR + nonconformities.len() as f64 + 1.0);
    let mut mass = 0.0;
    let found = all.iter().find(|(_, weight)| {
        mass += weight;
        mass >= enough
    });
    found.map_or(4.0, |(own, _)| own.clamp(0.5, 4.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(widening: f64) -> Given {
        Given {
            fitness: 50.0,
            most: [50.0 - 2.0 * widening, 50.0 + 2.0 * widening],
            half: Some([49.5, 50.5]),
            widening,
        }
    }

    #[test]
    fn intervals_that_are_too_narrow_are_widened() {
        let mut experience = Experience::default();
        assert!((experience.widening() - 1.192).abs() < 1e-12);
        for _ in 0..100 {
            let widening = experience.widening();
            experience.learn(&given(widening), 55.0, false);
        }
        assert!((experience.widening() - 2.5).abs() < 1e-9, "5 of 2");
        let account = experience.account();
        assert_eq!((account.stops, account.covered_50), (100, 0));
        assert!(account.covered_90 > 80, "once they are wide enough");
    }

    #[test]
    fn an_exact_prediction_without_a_width_is_right() {
        let mut experience = Experience::default();
        let exact = Given {
            most: [50.0; 2],
            ..given(1.0)
        };
        (0..300).for_each(|_| experience.learn(&exact, 50.0, true));
        assert!((experience.widening() - 0.5).abs() < 1e-12);
        assert_eq!(experience.account().lost_best, 300);
        (0..300).for_each(|_| experience.learn(&exact, 50.1, true));
        assert!((experience.widening() - 4.0).abs() < 1e-12);
    }
}
