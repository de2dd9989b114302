//! `F(x) = b - a / ln(x + 1)`.

use super::shapes::Values;
use super::{ASYMPTOTE, Family, MOST, Name, Parameter, Solution, WIDE, parameter, solution};
use crate::solve::separable::{Form, Separable};
use crate::solve::{Failure, Points};

/// `F(x) = b - a / ln(x + 1)`, x above 0 (A4NN's index, `accIlog2`; ilog2 of Domhan, Springenberg
/// and Hutter, IJCAI 2015).
///
/// A4NN's formula has `ln x`, which is zero at the first epoch; the authors of the family shift x
/// by one, and so does this. Linear: the fit is closed-form.
#[derive(Clone, Copy, Debug)]
pub struct Ilog2;

const PARAMETERS: [Parameter; 2] = [parameter("a", WIDE), parameter("b", ASYMPTOTE)];

impl Family for Ilog2 {
    fn name(&self) -> Name {
        Name::Ilog2
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn asymptote(&self) -> Option<usize> {
        Some(1)
    }

    fn ordinary(&self, [s, _, u, _]: [f64; 4]) -> [f64; MOST] {
        [10.0 * u, 40.0 + 60.0 * s, 0.0, 0.0]
    }

    fn needs_logarithms(&self) -> bool {
        true
    }

    fn value(&self, p: &[f64], x: f64) -> f64 {
        p[1] - p[0] / x.ln_1p()
    }

    fn gradient(&self, _p: &[f64], x: f64) -> [f64; MOST] {
        [-1.0 / x.ln_1p(), 1.0, 0.0, 0.0]
    }

    fn solve(&self, points: &Points<'_>) -> Result<Solution, Failure> {
        points.ln_x()?;
        let problem = Separable {
            points: *points,
            shape: Values {
                of: points.x(),
                g: |x: f64| -1.0 / x.ln_1p(),
            },
            form: Form::Offset,
            p: ASYMPTOTE,
            q: WIDE,
        };
        let best = problem.at(&[]);
        solution(self, &[best.q, best.p])
    }
}
