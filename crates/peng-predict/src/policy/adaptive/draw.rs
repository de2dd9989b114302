//! Numbers that a trial draws: they look random and follow from the trial's number alone.

use super::calibration::Given;

/// The normal quantile that leaves out 5 % at each end: that of a 90 % interval.
const NORMAL: f64 = 1.644_853_626_951_472_7;

/// What a chance is for.
const EXPLORE: u64 = 0;
const IMPUTE: u64 = 0xABCD;

/// Whether this trial is one of the share that is never stopped.
pub(super) fn is_explored(trial: u64, share: f64) -> bool {
    chance(trial, EXPLORE) < share
}

/// A draw from the distribution of a stopped trial's final: two halves of a normal distribution
/// about the median, each as wide as the 90 % interval tells.
pub(super) fn of(given: &Given, trial: u64) -> f64 {
    let z = normal_quantile(chance(trial, IMPUTE));
    let end = given.most[usize::from(z > 0.0)];
    // The interval is widened by what predictions were worth; that is not noise of this trial.
    given.fitness + z.abs() / NORMAL * (end - given.fitness) / given.widening
}

/// A number in (0, 1) that depends on the trial alone (splitmix64: Steele et
/// al., OOPSLA 2014).
fn chance(trial: u64, salt: u64) -> f64 {
    let mut z = (trial ^ salt).wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (((z ^ (z >> 31)) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
}

/// The quantile of the standard normal distribution at `p` in (0, 1), by Acklam's rational
/// approximation: relative error below 1.2e-9.
fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 6] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
        1.0,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 5] = [
        7.784_695_709_041_462e-3,
        3.224_671_290_700_398e-1,
        2.445_134_137_142_996,
        3.754_408_661_907_416,
        1.0,
    ];
    let polynomial = |c: &[f64], x: f64| c.iter().fold(0.0, |sum, c| sum * x + c);
    let tail = |p: f64| {
        let q = (-2.0 * p.ln()).sqrt();
        polynomial(&C, q) / polynomial(&D, q)
    };
    if p < 0.02425 {
        tail(p)
    } else if p > 1.0 - 0.02425 {
        -tail(1.0 - p)
    } else {
        let q = p - 0.5;
        q * polynomial(&A, q * q) / polynomial(&B, q * q)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_quantiles_are_those_of_the_tables() {
        for (p, z) in [
            (1e-6, -4.753_424_308_8),
            (0.01, -2.326_347_874_0),
            (0.25, -0.674_489_750_2),
            (0.5, 0.0),
            (0.95, NORMAL),
            (0.975, 1.959_963_984_5),
            (0.999, 3.090_232_306_2),
        ] {
            assert!((normal_quantile(p) - z).abs() < 1e-8, "{p}");
        }
    }

    #[test]
    fn draws_have_the_interval_that_they_are_drawn_from() {
        let given = Given {
            fitness: 10.0,
            most: [4.0, 12.0],
            half: None,
            widening: 1.0,
        };
        let draws = (0..20_000).map(|trial| of(&given, trial));
        let (mut low, mut middle, mut high) = (0.0, 0.0, 0.0);
        for draw in draws {
            low += f64::from(u8::from(draw < 4.0)) / 20_000.0;
            middle += f64::from(u8::from(draw < 10.0)) / 20_000.0;
            high += f64::from(u8::from(draw > 12.0)) / 20_000.0;
        }
        assert!(
            (low - 0.05).abs() < 0.01 && (high - 0.05).abs() < 0.01,
            "{low} {high}"
        );
        assert!((middle - 0.5).abs() < 0.01, "{middle}");
    }

    #[test]
    fn the_share_of_explored_trials_is_the_one_asked_for() {
        let share = (0..20_000).filter(|trial| is_explored(*trial, 0.1)).count();
        assert!((1_850..2_150).contains(&share), "{share}");
        assert!(!is_explored(3, 0.0) && is_explored(3, 1.0));
    }
}
