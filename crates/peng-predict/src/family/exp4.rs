//! `F(x) = c - e^(b - a x^d)`.

use super::shapes::{Of, Sigmoid};
use super::{ASYMPTOTE, Family, MOST, Name, Parameter, Solution, parameter, solution};
use crate::solve::separable::{Form, Separable};
use crate::solve::{Failure, Points, surface};

/// `F(x) = c - e^(-a x^d + b)`, x above 0 (A4NN's index, `accExp4`; exp4 of Domhan, Springenberg
/// and Hutter, IJCAI 2015).
///
/// Linear in `c` and `e^b`, so that the fit is a search over two coordinates: descents from the
/// best places of a grid.
#[derive(Clone, Copy, Debug)]
pub struct Exp4;

/// At `b = 7` the curve starts a thousand percent below its asymptote.
const B: (f64, f64) = (-30.0, 7.0);

const PARAMETERS: [Parameter; 4] = [
    parameter("a", (0.0, f64::INFINITY)),
    parameter("b", B),
    parameter("c", ASYMPTOTE),
    parameter("d", (0.1, 8.0)),
];

impl Family for Exp4 {
    fn name(&self) -> Name {
        Name::Exp4
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn asymptote(&self) -> Option<usize> {
        Some(2)
    }

    fn ordinary(&self, [s, t, u, v]: [f64; 4]) -> [f64; MOST] {
        [0.05 + 0.5 * u, 2.0 + t, 40.0 + 60.0 * s, 0.5 + v]
    }

    fn needs_logarithms(&self) -> bool {
        true
    }

    fn value(&self, p: &[f64], x: f64) -> f64 {
        p[2] - (p[1] - p[0] * x.powf(p[3])).exp()
    }

    fn gradient(&self, p: &[f64], x: f64) -> [f64; MOST] {
        let power = x.powf(p[3]);
        let below = (p[1] - p[0] * power).exp();
        [below * power, -below, 1.0, below * p[0] * power * x.ln()]
    }

    fn solve(&self, points: &Points<'_>) -> Result<Solution, Failure> {
        let shape = Sigmoid {
            ln_x: points.ln_x()?,
            of: Of::Exponential,
        };
        let problem = Separable {
            points: *points,
            shape,
            form: Form::Offset,
            p: ASYMPTOTE,
            q: (-B.1.exp(), -B.0.exp()),
        };
        let ([ln_s, ln_d], best) = surface::lowest(&problem);
        let d = ln_d.exp();
        solution(self, &[(-ln_s * d).exp(), (-best.q).ln(), best.p, d])
    }
}
