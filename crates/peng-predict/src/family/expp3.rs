//! `F(x) = c - e^((x - b)^a)`.

use super::{ASYMPTOTE, Family, MOST, Name, Parameter, Solution, parameter, solution};
use crate::fit::separable::{Form, Separable, Shape};
use crate::fit::surface::{self, Field};
use crate::fit::{Failure, Points};

/// `F(x) = c - e^((x - b)^a)` with `b` below the first x and `a` below 0 (A4NN's index,
/// `accExpp3`; `EXPP3` in Viering and Loog, 2021): it rises to `c - 1`.
///
/// Linear in `c`, so that the fit is a search over two coordinates, `ln(x1 - b)` and `ln(-a)`:
/// descents from the best places of a grid.
#[derive(Clone, Copy, Debug)]
pub struct Expp3;

const A: (f64, f64) = (-8.0, -0.02);

const PARAMETERS: [Parameter; 3] = [
    parameter("a", A),
    parameter("b", (f64::NEG_INFINITY, f64::INFINITY)),
    parameter("c", ASYMPTOTE),
];

struct Tower;

impl Shape<2> for Tower {
    fn visit(&self, points: &Points<'_>, t: &[f64; 2], mut add: impl FnMut(usize, f64, [f64; 2])) {
        let (before, a) = (t[0].exp(), -t[1].exp());
        let first = points.first();
        for (index, x) in points.x().iter().enumerate() {
            let u = (x - first) + before;
            let ln_u = u.ln();
            let power = (a * ln_u).exp();
            let g = power.exp();
            let slope = g * power * a;
            add(index, g, [slope * before / u, slope * ln_u]);
        }
    }
}

impl Family for Expp3 {
    fn name(&self) -> Name {
        Name::Expp3
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn asymptote(&self) -> Option<usize> {
        Some(2)
    }

    fn value(&self, p: &[f64], x: f64) -> f64 {
        p[2] - (x - p[1]).powf(p[0]).exp()
    }

    fn gradient(&self, p: &[f64], x: f64) -> [f64; MOST] {
        let u = x - p[1];
        let power = u.powf(p[0]);
        let below = power.exp() * power;
        [-below * u.ln(), below * p[0] / u, 1.0, 0.0]
    }

    fn solve(&self, points: &Points<'_>) -> Result<Solution, Failure> {
        let problem = Separable {
            points: *points,
            shape: Tower,
            form: Form::Offset,
            p: ASYMPTOTE,
            q: (-1.0, -1.0),
        };
        let field = Field {
            lower: [1e-3_f64.ln(), (-A.1).ln()],
            upper: [(10.0 * points.length().max(1.0)).ln(), (-A.0).ln()],
        };
        let ([ln_before, ln_a], best) = surface::lowest(&problem, &field);
        let b = points.first() - ln_before.exp();
        solution(self, &[-ln_a.exp(), b, best.p])
    }
}
