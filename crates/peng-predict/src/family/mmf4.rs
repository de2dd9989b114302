//! `F(x) = (a b + c x^d) / (b + x^d)`.

use super::shapes::{Of, Sigmoid};
use super::{ASYMPTOTE, Family, MOST, Name, Parameter, Solution, WIDE, parameter, solution};
use crate::solve::separable::{Form, Separable};
use crate::solve::{Failure, Points, surface};

/// `F(x) = (a b + c x^d) / (b + x^d)`, x above 0 (A4NN's index, `accMmf4`; the model of Morgan,
/// Mercer and Flodin in Domhan, Springenberg and Hutter, IJCAI 2015; `MMF4` in Viering and Loog,
/// 2021): from `a` at zero to `c`.
///
/// Linear in `a` and `c`, so that the fit is a search over two coordinates: descents from the best
/// places of a grid.
#[derive(Clone, Copy, Debug)]
pub struct Mmf4;

const PARAMETERS: [Parameter; 4] = [
    parameter("a", WIDE),
    parameter("b", (0.0, f64::INFINITY)),
    parameter("c", ASYMPTOTE),
    parameter("d", (0.1, 8.0)),
];

/// The share of `a` in the value at x.
fn share(p: &[f64], x: f64) -> f64 {
    1.0 / (1.0 + x.powf(p[3]) / p[1])
}

impl Family for Mmf4 {
    fn name(&self) -> Name {
        Name::Mmf4
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn asymptote(&self) -> Option<usize> {
        Some(2)
    }

    fn ordinary(&self, [s, t, u, v]: [f64; 4]) -> [f64; MOST] {
        [
            10.0 + 30.0 * t,
            1.0 + 20.0 * u,
            40.0 + 60.0 * s,
            0.6 + 1.5 * v,
        ]
    }

    fn needs_logarithms(&self) -> bool {
        true
    }

    fn value(&self, p: &[f64], x: f64) -> f64 {
        let share = share(p, x);
        p[0] * share + p[2] * (1.0 - share)
    }

    fn gradient(&self, p: &[f64], x: f64) -> [f64; MOST] {
        let share = share(p, x);
        let turn = (p[0] - p[2]) * share * (1.0 - share);
        [share, turn / p[1], 1.0 - share, -turn * x.ln()]
    }

    fn solve(&self, points: &Points<'_>) -> Result<Solution, Failure> {
        let shape = Sigmoid {
            ln_x: points.ln_x()?,
            of: Of::Hyperbola,
        };
        let problem = Separable {
            points: *points,
            shape,
            form: Form::Between,
            p: ASYMPTOTE,
            q: WIDE,
        };
        let ([ln_s, ln_d], best) = surface::lowest(&problem);
        let d = ln_d.exp();
        solution(self, &[best.q, (ln_s * d).exp(), best.p, d])
    }
}
