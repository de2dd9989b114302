//! Every family: its derivative, its bounds, and that its fit is the best there is.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use peng_predict::family::Name;
use peng_predict::fit;
use proptest::prelude::*;

/// Parameters of an ordinary learning curve, from four numbers in [0, 1].
fn ordinary(name: Name, [s, t, u, v]: [f64; 4]) -> Vec<f64> {
    let (end, depth) = (40.0 + 60.0 * s, 10.0 + 30.0 * t);
    match name {
        Name::Exp => vec![end, 1.05 + u, 1.0 + 5.0 * v],
        Name::Pow2 => vec![depth, 0.05 + 0.5 * u],
        Name::Pow3 => vec![-depth, -0.1 - 2.0 * u, end],
        Name::Log2 => vec![1.0 + 15.0 * u, depth],
        Name::Exp2 => vec![depth, 0.04 * u],
        Name::Exp3 => vec![-depth, -0.05 - u, end],
        Name::Exp4 => vec![0.05 + 0.5 * u, 2.0 + t, end, 0.5 + v],
        Name::Expp3 => vec![-0.2 - u, -v, end],
        Name::Expd3 => vec![depth, 0.05 + u, end],
        Name::Vap3 => vec![3.0 + s, -0.2 - u, 0.1 * v],
        Name::Mmf4 => vec![depth, 1.0 + 20.0 * u, end, 0.6 + 1.5 * v],
        Name::Wbl4 => vec![end, depth, 0.05 + 0.5 * u, 0.6 + v],
        Name::Ilog2 => vec![10.0 * u, end],
    }
}

fn names() -> impl Strategy<Value = Name> {
    prop::sample::select(Name::ALL)
}

fn unit4() -> impl Strategy<Value = [f64; 4]> {
    prop::array::uniform4(0.0..1.0_f64)
}

/// Epochs and the family's values there, with errors of a size.
fn curve(name: Name, parameters: &[f64], errors: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let x: Vec<f64> = (1..=errors.len()).map(|x| x as f64).collect();
    let y = x.iter().zip(errors);
    let y = y.map(|(&x, error)| name.family().value(parameters, x) + error);
    let y = y.collect();
    (x, y)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn the_derivative_is_that_of_the_value(name in names(), unit in unit4(), x in 0.3..30.0_f64) {
        let family = name.family();
        let p = ordinary(name, unit);
        let gradient = family.gradient(&p, x);
        for index in 0..p.len() {
            let step = 1e-6 * (1.0 + p[index].abs());
            let (mut up, mut down) = (p.clone(), p.clone());
            up[index] += step;
            down[index] -= step;
            let numeric = (family.value(&up, x) - family.value(&down, x)) / (2.0 * step);
            prop_assert!((gradient[index] - numeric).abs() < 1e-5 * (1.0 + numeric.abs()), "{name} {index}: {gradient:?} {numeric}");
        }
        prop_assert!(gradient[p.len()..].iter().all(|&rest| rest == 0.0));
    }

    #[test]
    fn a_curve_of_the_family_is_met(name in names(), unit in unit4(), points in 6..40_usize) {
        let (x, y) = curve(name, &ordinary(name, unit), &vec![0.0; points]);
        let found = fit::fit(name, &x, &y).unwrap();
        // Towers of a few hundredths of a point apart are told apart by a finer search than theirs.
        let slack = if name == Name::Expp3 { 0.1 } else { 1e-6 };
        prop_assert!(found.sse < slack, "{name} {:?}: {found:?}", ordinary(name, unit));
    }

    #[test]
    fn nothing_near_or_known_fits_better(
        name in names(), unit in unit4(),
        errors in prop::collection::vec(-3.0..3.0_f64, 4..30),
        tries in prop::collection::vec(unit4(), 40),
    ) {
        let truth = ordinary(name, unit);
        let (x, y) = curve(name, &truth, &errors);
        let found = fit::fit(name, &x, &y).unwrap();
        let limit = found.sse * (1.0 - 1e-7) - 1e-7;
        for unit in tries.into_iter().chain([unit]) {
            let other = ordinary(name, unit);
            let sse = fit::sum_of_squares(name, &other, &x, &y);
            prop_assert!(sse >= limit, "{name}: {found:?}, but {other:?} gives {sse}");
        }
        // A small step to any side from the optimum is no gain, unless it leaves the bounds.
        for (index, bound) in name.family().parameters().iter().enumerate() {
            for step in [-1e-3, 1e-3] {
                let mut moved = found.parameters.to_vec();
                moved[index] *= 1.0 + step;
                if moved[index] < bound.lower || moved[index] > bound.upper {
                    continue;
                }
                let sse = fit::sum_of_squares(name, &moved, &x, &y);
                prop_assert!(sse.is_nan() || sse >= found.sse * 0.999 - 1e-6, "{name}: {found:?}, but {moved:?} gives {sse}");
            }
        }
    }

    #[test]
    fn parameters_are_within_their_bounds(
        name in names(), y in prop::collection::vec(0.0..100.0_f64, 2..20), scale in -3.0..3.0_f64,
    ) {
        let x: Vec<f64> = (1..=y.len()).map(|x| x as f64 * 10.0_f64.powf(scale)).collect();
        let found = fit::fit(name, &x, &y).unwrap();
        prop_assert_eq!(found.parameters.len(), name.family().parameters().len());
        for (value, bound) in found.parameters.iter().zip(name.family().parameters()) {
            prop_assert!((bound.lower..=bound.upper).contains(value), "{found:?}");
        }
        prop_assert!(found.sse >= 0.0);
        let again = fit::fit(name, &x, &y).unwrap();
        prop_assert_eq!(found.sse.to_bits(), again.sse.to_bits());
        prop_assert_eq!(found, again);
    }

    #[test]
    fn any_numbers_end_in_a_value(
        name in names(),
        points in prop::collection::vec((prop::num::f64::ANY, prop::num::f64::ANY), 0..12),
        sort in any::<bool>(),
    ) {
        let (mut x, y): (Vec<f64>, Vec<f64>) = points.into_iter().unzip();
        if sort {
            x.retain(|x| x.is_finite());
            x.sort_by(f64::total_cmp);
        }
        let y = &y[..y.len().min(x.len() + usize::from(!sort))];
        if let Ok(found) = fit::fit(name, &x, y) {
            prop_assert!(found.sse.is_finite());
            let _ = fit::half_width(&found, &x, 1e3);
        }
    }
}

#[test]
fn a_name_is_read_back() {
    for name in Name::ALL {
        assert_eq!(name.as_str().parse(), Ok(*name));
        assert_eq!(name.family().name(), *name);
        let json = serde_json::to_string(name).unwrap();
        assert_eq!(json, format!("\"{name}\""));
    }
    let unknown = "exp5".parse::<Name>().unwrap_err().to_string();
    assert!(unknown.contains("exp5") && unknown.contains("wbl4"));
}

#[test]
fn a_logarithm_of_zero_is_no_fit_and_says_why() {
    let (x, y) = ([0.0, 1.0, 2.0, 3.0], [10.0, 20.0, 25.0, 28.0]);
    for name in Name::ALL {
        let fitted = fit::fit(*name, &x, &y);
        let needs_positive = matches!(
            name,
            Name::Pow2
                | Name::Pow3
                | Name::Log2
                | Name::Exp4
                | Name::Vap3
                | Name::Mmf4
                | Name::Wbl4
                | Name::Ilog2
        );
        assert_eq!(fitted.is_err(), needs_positive, "{name}");
        if let Err(why) = fitted {
            assert!(why.to_string().contains("above 0"), "{why}");
        }
    }
}
