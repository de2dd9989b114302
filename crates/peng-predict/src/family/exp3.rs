//! `F(x) = a e^(b x) + c`.

use super::shapes::Decay;
use super::{ASYMPTOTE, Family, MOST, Name, Parameter, Solution, WIDE, parameter, solution};
use crate::solve::separable::{Form, Separable};
use crate::solve::{Failure, Points, profile};

/// `F(x) = a e^(b x) + c` with `b` below 0 (A4NN's index, `accExp3`; `EXP3` in Viering and Loog,
/// 2021).
///
/// Linear in `a` and `c`, so that the fit is a search over the logarithm of `-b`: the solution is
/// the global optimum, as far as minima are wider than its steps.
#[derive(Clone, Copy, Debug)]
pub struct Exp3;

const STEPS: usize = 34;

const PARAMETERS: [Parameter; 3] = [
    parameter("a", WIDE),
    parameter("b", (f64::NEG_INFINITY, 0.0)),
    parameter("c", ASYMPTOTE),
];

impl Family for Exp3 {
    fn name(&self) -> Name {
        Name::Exp3
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn asymptote(&self) -> Option<usize> {
        Some(2)
    }

    fn ordinary(&self, [s, t, u, _]: [f64; 4]) -> [f64; MOST] {
        [-10.0 - 30.0 * t, -0.05 - u, 40.0 + 60.0 * s, 0.0]
    }

    fn value(&self, p: &[f64], x: f64) -> f64 {
        p[0] * (p[1] * x).exp() + p[2]
    }

    fn gradient(&self, p: &[f64], x: f64) -> [f64; MOST] {
        let power = (p[1] * x).exp();
        [power, p[0] * x * power, 1.0, 0.0]
    }

    fn solve(&self, points: &Points<'_>) -> Result<Solution, Failure> {
        let problem = Separable {
            points: *points,
            shape: Decay,
            form: Form::Offset,
            p: ASYMPTOTE,
            q: WIDE,
        };
        let range = Decay::range(points);
        let t = profile::lowest(range, STEPS, profile::tolerance(points), |t| {
            let here = problem.at(&[t]);
            (here.sse, here.slope[0])
        });
        let best = problem.at(&[t]);
        solution(self, &[best.q, -t.exp(), best.p])
    }
}
