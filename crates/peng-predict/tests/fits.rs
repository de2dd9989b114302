//! Properties of the fit: a global optimum, found for any input.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use peng_predict::family::Name;
use peng_predict::fit::{self, Failure, Outcome};
use proptest::prelude::*;

fn curve() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    let shape = (
        0.0..100.0_f64,
        -2.0..100.0_f64,
        0.001..5.0_f64,
        0.0..20.0_f64,
    );
    (2..30_usize, any::<bool>(), shape).prop_flat_map(|(points, even, (end, rise, rate, noise))| {
        let gaps = prop::collection::vec(0.1..3.0_f64, points);
        let errors = prop::collection::vec(-noise..=noise, points);
        (gaps, errors).prop_map(move |(gaps, errors)| {
            let mut at = 0.0;
            gaps.iter()
                .zip(errors)
                .map(|(gap, error)| {
                    at += if even { 1.0 } else { *gap };
                    (
                        at,
                        (end - rise * (-rate * at).exp() + error).clamp(0.0, 100.0),
                    )
                })
                .unzip()
        })
    })
}

/// Holds the fit of the paper's family against the best of 3,000 rates of decay.
fn holds_against_a_fine_scan(x: &[f64], y: &[f64]) {
    let curve = fit::fit(Name::Exp, x, y).unwrap();
    let first = x[0];
    let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
    for step in 0..3000 {
        let rate = (-16.0 + f64::from(step) * 0.0075).exp();
        let decay: Vec<f64> = x.iter().map(|x| (-rate * (x - first)).exp()).collect();
        let (mean_decay, mean_y) = (mean(&decay), mean(y));
        let along: f64 = decay
            .iter()
            .zip(y)
            .map(|(e, y)| (e - mean_decay) * (y - mean_y))
            .sum();
        let across: f64 = decay.iter().map(|e| (e - mean_decay).powi(2)).sum();
        let k = (-along / across).max((-rate * first).exp());
        let a = mean_y + k * mean_decay;
        if !(0.5..=200.0).contains(&a) {
            continue;
        }
        let sse: f64 = decay
            .iter()
            .zip(y)
            .map(|(e, y)| (y - a + k * e).powi(2))
            .sum();
        assert!(
            curve.sse <= sse * (1.0 + 1e-9) + 1e-8,
            "{curve:?} rate {rate}: {sse}, x {x:?}, y {y:?}"
        );
    }
}

/// The smallest step that is allowed after the first point shrinks on as the decay grows, long
/// after the later points have ceased to feel it.
#[test]
fn a_small_step_after_an_early_first_point_is_found() {
    holds_against_a_fine_scan(
        &[0.1, 2.9657, 3.0657, 3.1657, 4.1203, 5.7518],
        &[38.0397, 39.1175, 38.7249, 38.6421, 36.5910, 38.0696],
    );
}

#[test]
fn a_minimum_narrower_than_a_step_of_the_search_is_found() {
    holds_against_a_fine_scan(
        &[
            2.7151, 4.0118, 5.1458, 7.4219, 9.5777, 11.1881, 11.8398, 14.4776, 14.7971, 16.1671,
            18.4673, 20.3440, 22.8380, 24.6732, 26.3537, 27.9878,
        ],
        &[
            85.2520, 83.6796, 89.7556, 89.9031, 90.9797, 84.1308, 86.3008, 79.5635, 87.4227,
            79.6940, 83.6352, 80.2004, 83.2774, 79.4422, 87.9560, 91.5773,
        ],
    );
}

#[test]
fn a_dip_on_the_way_to_a_plateau_is_found() {
    holds_against_a_fine_scan(
        &[0.1801, 2.8801, 3.5561, 5.5712, 6.0208, 7.6158],
        &[6.4564, 50.7982, 49.1666, 49.8657, 52.9105, 49.8799],
    );
}

#[test]
fn the_lower_of_two_minima_next_to_each_other_is_found() {
    holds_against_a_fine_scan(
        &[0.2884, 1.9534, 4.6443, 6.1232, 8.6104, 11.2581, 12.9682],
        &[10.5718, 39.953, 40.5302, 44.1202, 34.8625, 57.9866, 58.6516],
    );
}

#[test]
fn a_minimum_next_to_the_bound_of_the_asymptote_is_found() {
    holds_against_a_fine_scan(
        &[
            0.7633, 1.0329, 2.5638, 5.3982, 6.7678, 8.1811, 9.6916, 9.8776, 10.654, 11.7275,
            14.3702, 15.108, 15.8742, 16.5769, 18.5619, 19.4025, 20.6999, 22.7037, 22.9189,
            24.7201, 26.9897, 27.8345, 30.3737, 32.937, 33.3421,
        ],
        &[
            11.6323, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 6.8765, 8.2322, 14.2447, 7.5996, 5.4857, 0.0,
            7.0314, 0.0, 0.0, 12.2922, 0.0, 0.0, 13.078, 0.0, 2.881, 5.7269, 13.4035, 0.0,
        ],
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_allowed_parameters_fit_better(
        (x, y) in curve(),
        tries in prop::collection::vec((0.5..=200.0_f64, -9.0..5.0_f64, 0.0..1.0_f64), 200),
    ) {
        let curve = fit::fit(Name::Exp, &x, &y).unwrap();
        for (a, log_rate, share) in tries {
            let b = log_rate.exp().exp();
            // Half of the tries start the curve somewhere between zero and the asymptote.
            let level = (a * share).max(1e-9);
            for c in [(x[0] + level.ln() / b.ln()).max(0.0), 30.0 * share] {
                let other = fit::sum_of_squares(Name::Exp, &[a, b, c], &x, &y);
                prop_assert!(curve.sse <= other * (1.0 + 1e-9) + 1e-8, "{curve:?} {:?} {other}", [a, b, c]);
            }
        }
    }

    #[test]
    fn no_decay_on_a_fine_scan_fits_better((x, y) in curve()) {
        holds_against_a_fine_scan(&x, &y);
    }

    #[test]
    fn generated_parameters_are_recovered(
        a in 20.0..100.0_f64, rate in 0.05..1.5_f64, start in 0.1..0.9_f64, points in 4..30_usize,
    ) {
        let x: Vec<f64> = (1..=points).map(|x| x as f64).collect();
        let y: Vec<f64> = x.iter().map(|x| a - a * start * (-rate * (x - 1.0)).exp()).collect();
        let curve = fit::fit(Name::Exp, &x, &y).unwrap();
        prop_assert!(curve.sse < 1e-11, "{curve:?}");
        prop_assert!((curve.parameters[0] - a).abs() < 1e-4 * a, "{curve:?}");
        prop_assert!((curve.parameters[1] - rate.exp()).abs() < 1e-4, "{curve:?}");
        prop_assert_eq!(curve.outcome, Outcome::Converged);
    }

    #[test]
    fn parameters_are_within_the_bounds((x, y) in curve()) {
        let curve = fit::fit(Name::Exp, &x, &y).unwrap();
        for (value, parameter) in curve.parameters.iter().zip(Name::Exp.family().parameters()) {
            prop_assert!((parameter.lower..=parameter.upper).contains(value), "{curve:?}");
        }
    }

    #[test]
    fn any_numbers_end_in_a_value(
        points in prop::collection::vec((prop::num::f64::ANY, prop::num::f64::ANY), 0..12),
        sort in any::<bool>(),
    ) {
        let (mut x, y): (Vec<f64>, Vec<f64>) = points.into_iter().unzip();
        if sort {
            x.retain(|x| x.is_finite());
            x.sort_by(f64::total_cmp);
        }
        let y = &y[..y.len().min(x.len() + usize::from(!sort))];
        if let Ok(curve) = fit::fit(Name::Exp, &x, y) {
            prop_assert!(curve.sse.is_finite());
            let _ = fit::half_width(&curve, &x, 1e3);
        }
    }

    #[test]
    fn strange_epochs_of_possible_values_have_a_fit(
        exponents in prop::collection::btree_set(-300..300_i32, 2..12),
        values in prop::collection::vec(0.0..=100.0_f64, 12),
    ) {
        let x: Vec<f64> = exponents.iter().map(|&exponent| 10.0_f64.powi(exponent)).collect();
        let y = &values[..x.len()];
        let curve = fit::fit(Name::Exp, &x, y).unwrap();
        let mean = y.iter().sum::<f64>() / y.len() as f64;
        let flat: f64 = y.iter().map(|y| (y - mean).powi(2)).sum();
        prop_assert!(curve.sse <= flat * (1.0 + 1e-9) + 1e-9, "{curve:?} {flat}");
    }

    #[test]
    fn the_derivative_is_that_of_the_value(
        a in 0.5..200.0_f64, b in 1.01..3.0_f64, c in 0.0..10.0_f64, x in 0.0..20.0_f64,
    ) {
        let family = Name::Exp.family();
        let gradient = family.gradient(&[a, b, c], x);
        for index in 0..3 {
            let step = 1e-6;
            let (mut up, mut down) = ([a, b, c], [a, b, c]);
            up[index] += step;
            down[index] -= step;
            let numeric = (family.value(&up, x) - family.value(&down, x)) / (2.0 * step);
            let scale = 1.0 + numeric.abs();
            prop_assert!((gradient[index] - numeric).abs() < 1e-4 * scale, "{gradient:?} {numeric}");
        }
    }
}

#[test]
fn a_constant_curve_is_the_constant() {
    let x = [1.0, 2.0, 3.0, 4.0];
    let curve = fit::fit(Name::Exp, &x, &[37.0; 4]).unwrap();
    assert_eq!(&*curve.parameters, &[38.0, 1.0, 0.0]);
    assert!(curve.outcome.is_at_bound(1));
    assert!(curve.sse < 1e-20);
}

#[test]
fn a_falling_curve_is_its_mean() {
    let curve = fit::fit(Name::Exp, &[1.0, 2.0, 3.0], &[30.0, 20.0, 10.0]).unwrap();
    assert!((curve.value(50.0) - 20.0).abs() < 1e-9, "{curve:?}");
}

#[test]
fn two_rising_points_are_met() {
    let (x, y) = ([0.1, 0.2], [3.496_948_498_082_924, 5.718_946_092_178_424]);
    let curve = fit::fit(Name::Exp, &x, &y).unwrap();
    assert!(curve.sse < 1e-20, "{curve:?}");
}

#[test]
fn a_straight_line_ends_at_the_asymptotes_bound() {
    let curve = fit::fit(Name::Exp, &[1.0, 2.0, 3.0, 4.0], &[10.0, 20.0, 30.0, 40.0]).unwrap();
    assert!(curve.outcome.is_at_bound(0), "{curve:?}");
    assert!((curve.parameters[0] - 200.0).abs() < 1e-12);
}

#[test]
fn bad_points_are_named() {
    let fit = |x: &[f64], y: &[f64]| fit::fit(Name::Exp, x, y).unwrap_err();
    assert_eq!(fit(&[1.0], &[1.0]), Failure::TooFewPoints { points: 1 });
    assert_eq!(fit(&[1.0, 2.0], &[1.0]), Failure::Unpaired { x: 2, y: 1 });
    assert_eq!(
        fit(&[1.0, 2.0], &[1.0, f64::NAN]),
        Failure::NotFinite { index: 1 }
    );
    assert_eq!(
        fit(&[1.0, 1.0], &[1.0, 2.0]),
        Failure::NotIncreasing { index: 1 }
    );
    assert_eq!(fit(&[-1e308, 1e308], &[1.0, 2.0]), Failure::Overflow);
}

#[test]
fn an_interval_needs_points_to_spare_and_grows_with_the_noise() {
    let x: Vec<f64> = (1..=12).map(f64::from).collect();
    let width = |noise: f64, points: usize| {
        let y: Vec<f64> = x[..points]
            .iter()
            .enumerate()
            .map(|(index, x)| {
                let sign = if index % 2 == 0 { noise } else { -noise };
                80.0 - 60.0 * (-0.3 * x).exp() + sign
            })
            .collect();
        let curve = fit::fit(Name::Exp, &x[..points], &y).unwrap();
        fit::half_width(&curve, &x[..points], 30.0)
    };
    assert_eq!(width(0.1, 3), None);
    let (narrow, wide) = (width(0.1, 12).unwrap(), width(1.0, 12).unwrap());
    assert!(narrow > 0.1 && wide > 5.0 * narrow, "{narrow} {wide}");
}
