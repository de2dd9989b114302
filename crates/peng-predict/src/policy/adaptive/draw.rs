//! Numbers that a trial draws: they look random and follow from the trial's number alone.

/// What a chance is for.
const EXPLORE: u64 = 0;
const IMPUTE: u64 = 0xABCD;

/// Whether this trial is one of the share that is never stopped.
pub(super) fn is_explored(trial: u64, share: f64) -> bool {
    hash(trial, EXPLORE) < share
}

/// The chance that picks a trial's draw from its predictive distribution, in (0, 1).
pub(super) fn chance(trial: u64) -> f64 {
    hash(trial, IMPUTE)
}

/// A number in (0, 1) that depends on the trial alone (splitmix64: Steele et
/// al., OOPSLA 2014).
fn hash(trial: u64, salt: u64) -> f64 {
    let mut z = (trial ^ salt).wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (((z ^ (z >> 31)) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances_are_spread_evenly() {
        for share in [0.05, 0.5, 0.9] {
            let below = (0..20_000).filter(|trial| chance(*trial) < share).count();
            let off = (below as f64 / 20_000.0 - share).abs();
            assert!(off < 0.01, "{share}: {off}");
        }
    }

    #[test]
    fn the_share_of_explored_trials_is_the_one_asked_for() {
        let share = (0..20_000).filter(|trial| is_explored(*trial, 0.1)).count();
        assert!((1_850..2_150).contains(&share), "{share}");
        assert!(!is_explored(3, 0.0) && is_explored(3, 1.0));
    }
}
