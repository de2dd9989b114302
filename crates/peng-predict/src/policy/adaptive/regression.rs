//! Local ridge regression, with its leave-one-out predictions in closed form.

use nalgebra::{SMatrix, SVector};

use super::features::{COUNT, Features};

/// What is regressed: the logit of a final, and the final itself.
pub(super) type Target = [f64; 2];

/// A remembered trial, seen from the trial in question.
#[derive(Clone, Copy, Debug)]
pub(super) struct Neighbour {
    /// Its features at the same cell, standardized.
    pub(super) z: Features,
    /// Its final, or what it was predicted to be.
    pub(super) target: Target,
    /// A draw from the distribution of its final: the final itself if it was measured.
    pub(super) draw: Target,
    /// How much it tells, 0 to 1.
    pub(super) information: f64,
    /// Its weight in the regression, 0 to 1.
    pub(super) weight: f64,
    /// What the regression predicts for it without it.
    pub(super) without: Target,
}

type Vector = SVector<f64, COUNT>;
type Matrix = SMatrix<f64, COUNT, COUNT>;

/// Fits the targets on `z` with the neighbours' weights, writes each one's leave-one-out
/// prediction and returns the prediction at `at` with its leverage; none without weight.
///
/// The leverage is the variance of the prediction over that of a residual: large where the
/// neighbours are few or `at` is beyond them.
///
/// Ridge regression about the weighted means, the precision `ridge` being the prior's on the
/// slopes. With H the hat matrix, the prediction without neighbour i is
/// `(f_i - H_ii y_i) / (1 - H_ii)` (Allen, Technometrics 16, 1974: PRESS); leverages are held at
/// most 0.9.
pub(super) fn regress(
    neighbours: &mut [Neighbour],
    at: &Features,
    ridge: f64,
) -> Option<(Target, f64)> {
    let total: f64 = neighbours.iter().map(|n| n.weight).sum();
    if total.is_nan() || total <= 0.0 {
        return None;
    }
    let mut center = Vector::zeros();
    let mut level = [0.0; 2];
    for n in neighbours.iter() {
        let share = n.weight / total;
        center += share * Vector::from(n.z);
        (0..2).for_each(|k| level[k] += share * n.target[k]);
    }
    let mut gram = Matrix::from_diagonal_element(ridge);
    let mut cross = [Vector::zeros(); 2];
    for n in neighbours.iter() {
        let away = Vector::from(n.z) - center;
        gram.ger(n.weight, &away, &away, 1.0);
        (0..2).for_each(|k| cross[k] += n.weight * (n.target[k] - level[k]) * away);
    }
    let inverse = gram.cholesky()?.inverse();
    let slopes = cross.map(|cross| inverse * cross);
    let value = |away: &Vector, k: usize| level[k] + slopes[k].dot(away);
    let spread = |away: &Vector| away.dot(&(inverse * away));
    for n in neighbours.iter_mut() {
        let away = Vector::from(n.z) - center;
        let leverage = (n.weight * (1.0 / total + spread(&away))).min(0.9);
        n.without =
            std::array::from_fn(|k| (value(&away, k) - leverage * n.target[k]) / (1.0 - leverage));
    }
    let away = Vector::from(*at) - center;
    let leverage = 1.0 / total + spread(&away);
    Some(([value(&away, 0), value(&away, 1)], leverage))
}

#[cfg(test)]
mod tests {
    use super::{COUNT, Neighbour, regress};

    fn neighbours() -> Vec<Neighbour> {
        (0..40)
            .map(|i| {
                let z: [f64; COUNT] =
                    std::array::from_fn(|j| (f64::from(i) * (1.3 + j as f64)).sin());
                let y = 3.0 * z[0] - z[3] + (f64::from(i) * 7.7).cos();
                Neighbour {
                    z,
                    target: [y, 2.0 * y],
                    draw: [y, 2.0 * y],
                    information: 1.0,
                    weight: 0.2 + 0.8 * f64::from(i) / 40.0,
                    without: [0.0; 2],
                }
            })
            .collect()
    }

    #[test]
    fn closed_form_equals_leaving_out() {
        let mut all = neighbours();
        regress(&mut all, &[0.0; COUNT], 1e-6).unwrap();
        for i in [0, 17, 39] {
            let mut rest = neighbours();
            let left = rest.remove(i);
            let (refit, _) = regress(&mut rest, &left.z, 1e-6).unwrap();
            assert!((refit[0] - all[i].without[0]).abs() < 1e-5);
            assert!((refit[1] - all[i].without[1]).abs() < 1e-5);
        }
    }

    #[test]
    fn leverage_grows_beyond_the_neighbours() {
        let leverage = |at: f64| regress(&mut neighbours(), &[at; COUNT], 1.0).unwrap().1;
        assert!(leverage(0.0) < 0.2);
        assert!(leverage(1.0) < leverage(2.0) && leverage(5.0) > 1.0);
    }

    #[test]
    fn no_weight_is_no_prediction() {
        assert_eq!(regress(&mut [], &[0.0; COUNT], 1.0), None);
    }
}
