//! How sure a fitted curve is of a value.

use nalgebra::{SMatrix, SVector};

use crate::family::MOST;
use crate::prediction::Curve;

/// The nominal probability of an interval.
pub const LEVEL: f64 = 0.9;

/// The quantile of the normal distribution that leaves out 5 % at each end.
const NORMAL: f64 = 1.644_853_626_951_472_7;

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
    let half = student(freedom) * (noise * (1.0 + spread)).sqrt();
    (spread >= 0.0 && half.is_finite()).then_some(half)
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

/// The quantile of Student's distribution that leaves out 5 % at each end: exact for one and two
/// degrees of freedom, else its expansion about the normal quantile (Abramowitz and Stegun,
/// 26.7.5), within 0.3 %.
fn student(freedom: usize) -> f64 {
    let z = NORMAL;
    match freedom {
        1 => (std::f64::consts::PI * 0.45).tan(),
        2 => 0.9 * (2.0_f64 / (1.0 - 0.81)).sqrt(),
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
            let got = student(freedom);
            assert!((got / quantile - 1.0).abs() < 3e-3, "{freedom}: {got}");
        }
    }
}
