//! How sure a fitted curve is of a value.

use nalgebra::{SMatrix, SVector};

use crate::parameters::MOST;
use crate::prediction::Curve;

/// The nominal probability of an interval.
pub const LEVEL: f64 = 0.9;

/// The quantile of the normal distribution that leaves out 5 % at each end.
const NORMAL: f64 = 1.644_853_626_951_472_7;

/// The quantile that leaves out 25 % at each end.
const NORMAL_50: f64 = 0.674_489_750_196_081_7;

/// Half the width of the interval, at [`LEVEL`], in which a measurement at `at` would lie, in
/// percent of the metric's range.
///
/// The delta method on the linearized curve (Seber and Wild, *Nonlinear Regression*, 1989,
/// section 5.1) with the noise of one measurement added: parameters on a bound are held, the
/// noise is estimated with as many degrees of freedom as there are points more than parameters.
/// None if there are no more, or if the points do not determine the parameters.
pub fn half_width(curve: &Curve, x: &[f64], at: f64) -> Option<f64> {
    let freedom = x.len().checked_sub(curve.parameters.len())?;
    if freedom == 0 {
        return None;
    }
    let noise = curve.sse / freedom as f64;
    let factor = information(curve, x).cholesky()?;
    let sensitivity = free_gradient(curve, at);
    let spread = sensitivity.dot(&factor.solve(&sensitivity));
    let half = student(freedom, LEVEL, NORMAL) * (noise * (1.0 + spread)).sqrt();
    (spread >= 0.0 && half.is_finite()).then_some(half)
}

/// The half width at 50 % as a share of that at [`LEVEL`], for a curve with `freedom` points more
/// than parameters, at least one.
pub fn share_50(freedom: usize) -> f64 {
    student(freedom, 0.5, NORMAL_50) / student(freedom, LEVEL, NORMAL)
}

/// Sum over the points of the outer product of the gradient, with ones on the diagonal for the
/// parameters that are held.
fn information(curve: &Curve, x: &[f64]) -> SMatrix<f64, MOST, MOST> {
    let mut information = SMatrix::zeros();
    for &x in x {
        let gradient = free_gradient(curve, x);
        information += gradient * gradient.transpose();
    }
    for index in 0..MOST {
        if is_held(curve, index) {
            information[(index, index)] = 1.0;
        }
    }
    information
}

fn free_gradient(curve: &Curve, x: f64) -> SVector<f64, MOST> {
    let mut gradient = SVector::from(curve.family.family().gradient(&curve.parameters, x));
    for index in 0..MOST {
        if is_held(curve, index) {
            gradient[index] = 0.0;
        }
    }
    gradient
}

fn is_held(curve: &Curve, index: usize) -> bool {
    index >= curve.parameters.len() || curve.outcome.is_at_bound(index)
}

/// The quantile of Student's distribution within which `level` lies to both sides of zero: exact
/// for one and two degrees of freedom, else its expansion about the normal quantile `z` (Abramowitz
/// and Stegun, 26.7.5), within 0.3 %.
fn student(freedom: usize, level: f64, z: f64) -> f64 {
    match freedom {
        1 => (std::f64::consts::FRAC_PI_2 * level).tan(),
        2 => level * (2.0 / (1.0 - level * level)).sqrt(),
        _ => {
            let v = freedom as f64;
            let first = (z.powi(3) + z) / 4.0;
            let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
            let third = (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0;
            let fourth = (79.0 * z.powi(9) + 776.0 * z.powi(7) + 1482.0 * z.powi(5)
                - 1920.0 * z.powi(3)
                - 945.0 * z)
                / 92160.0;
            z + first / v + second / v.powi(2) + third / v.powi(3) + fourth / v.powi(4)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn student_quantiles_are_those_of_the_tables() {
        for (freedom, quantile) in [
            (1, 6.314),
            (2, 2.920),
            (3, 2.353),
            (4, 2.132),
            (10, 1.812),
            (100, 1.660),
        ] {
            let got = student(freedom, LEVEL, NORMAL);
            assert!((got / quantile - 1.0).abs() < 3e-3, "{freedom}: {got}");
        }
        for (freedom, quantile) in [(1, 1.0), (2, 0.816), (3, 0.765), (4, 0.741), (100, 0.677)] {
            let got = student(freedom, 0.5, NORMAL_50);
            assert!((got / quantile - 1.0).abs() < 3e-3, "{freedom}: {got}");
        }
    }
}
