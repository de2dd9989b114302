//! `F(x) = a - b e^(-c x^d)`.

use super::shapes::{Of, Sigmoid};
use super::{ASYMPTOTE, Family, MOST, Name, Parameter, Solution, WIDE, parameter, solution};
use crate::solve::separable::{Form, Separable};
use crate::solve::{Failure, Points, surface};

/// `F(x) = a - b e^(-c x^d)`, x above 0 (A4NN's index, `accWbl4`; the Weibull model of Domhan,
/// Springenberg and Hutter, IJCAI 2015; `WBL4` in Viering and Loog, 2021).
///
/// Linear in `a` and `b`, so that the fit is a search over two coordinates: descents from the best
/// places of a grid.
#[derive(Clone, Copy, Debug)]
pub struct Wbl4;

const PARAMETERS: [Parameter; 4] = [
    parameter("a", ASYMPTOTE),
    parameter("b", WIDE),
    parameter("c", (0.0, f64::INFINITY)),
    parameter("d", (0.1, 8.0)),
];

impl Family for Wbl4 {
    fn name(&self) -> Name {
        Name::Wbl4
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn asymptote(&self) -> Option<usize> {
        Some(0)
    }

    fn ordinary(&self, [s, t, u, v]: [f64; 4]) -> [f64; MOST] {
        [40.0 + 60.0 * s, 10.0 + 30.0 * t, 0.05 + 0.5 * u, 0.6 + v]
    }

    fn needs_logarithms(&self) -> bool {
        true
    }

    fn value(&self, p: &[f64], x: f64) -> f64 {
        p[0] - p[1] * (-p[2] * x.powf(p[3])).exp()
    }

    fn gradient(&self, p: &[f64], x: f64) -> [f64; MOST] {
        let power = x.powf(p[3]);
        let decay = (-p[2] * power).exp();
        let slope = p[1] * decay * power;
        [1.0, -decay, slope, slope * p[2] * x.ln()]
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
            q: (-WIDE.1, -WIDE.0),
        };
        let ([ln_s, ln_d], best) = surface::lowest(&problem);
        let d = ln_d.exp();
        solution(self, &[best.p, -best.q, (-ln_s * d).exp(), d])
    }
}
