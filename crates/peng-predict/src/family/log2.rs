//! `F(x) = a ln x + b`.

use super::shapes::Values;
use super::{Family, MOST, Name, Parameter, Solution, WIDE, parameter, solution};
use crate::solve::separable::{Form, Separable};
use crate::solve::{Failure, Points};

/// `F(x) = a ln x + b`, x above 0 (A4NN's index, `accLog2`; `LOG2` in Viering and Loog, 2021).
///
/// Linear: the fit is closed-form.
#[derive(Clone, Copy, Debug)]
pub struct Log2;

const PARAMETERS: [Parameter; 2] = [parameter("a", WIDE), parameter("b", WIDE)];

impl Family for Log2 {
    fn name(&self) -> Name {
        Name::Log2
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn ordinary(&self, [_, t, u, _]: [f64; 4]) -> [f64; MOST] {
        [1.0 + 15.0 * u, 10.0 + 30.0 * t, 0.0, 0.0]
    }

    fn needs_logarithms(&self) -> bool {
        true
    }

    fn value(&self, p: &[f64], x: f64) -> f64 {
        p[0] * x.ln() + p[1]
    }

    fn gradient(&self, _p: &[f64], x: f64) -> [f64; MOST] {
        [x.ln(), 1.0, 0.0, 0.0]
    }

    fn solve(&self, points: &Points<'_>) -> Result<Solution, Failure> {
        let problem = Separable {
            points: *points,
            shape: Values {
                of: points.ln_x()?,
                g: |ln_x| ln_x,
            },
            form: Form::Offset,
            p: WIDE,
            q: WIDE,
        };
        let best = problem.at(&[]);
        solution(self, &[best.q, best.p])
    }
}
