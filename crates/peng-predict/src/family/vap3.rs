//! `F(x) = e^(a + b / x + c ln x)`.

use super::{Family, MOST, Name, Parameter, Solution, parameter, solution};
use crate::solve::separable::{Form, Jet, Separable, Shape};
use crate::solve::surface::{self, Columns, Field, LANES, Surface, chain};
use crate::solve::{Failure, Points};

/// `F(x) = e^(a + b / x + c ln x)`, x above 0 (A4NN's index, `accVap3`; the vapor pressure model
/// of Domhan, Springenberg and Hutter, IJCAI 2015).
///
/// Linear in `e^a`, so that the fit is a search over two coordinates: descents from the best
/// places of a grid.
#[derive(Clone, Copy, Debug)]
pub struct Vap3;

const A: (f64, f64) = (-30.0, 10.0);
const C: (f64, f64) = (-3.0, 3.0);

const PARAMETERS: [Parameter; 3] = [
    parameter("a", A),
    parameter("b", (f64::NEG_INFINITY, f64::INFINITY)),
    parameter("c", C),
];

/// `g = e^(b / x + c ln x)` at the coordinates `(b, c)`.
#[derive(Clone, Copy)]
struct Vapor<'a> {
    ln_x: &'a [f64],
}

impl Shape<2> for Vapor<'_> {
    fn visit(&self, points: &Points<'_>, t: &[f64; 2], mut add: impl FnMut(usize, Jet<2>)) {
        for (index, (x, ln_x)) in points.x().iter().zip(self.ln_x).enumerate() {
            let inverse = x.recip();
            let g = (t[0] * inverse + t[1] * ln_x).exp();
            let d = [g * inverse, g * ln_x];
            add(
                index,
                Jet {
                    g,
                    d,
                    dd: [[d[0] * inverse, 0.0], [d[1] * inverse, d[1] * ln_x]],
                },
            );
        }
    }
}

/// Rows of equal `c` and, along each, equal steps of `b`.
impl Surface for Vapor<'_> {
    fn field(&self, points: &Points<'_>) -> Field {
        Field {
            lower: [-20.0 * points.first(), C.0],
            upper: [5.0 * points.first(), C.1],
            rows: 7,
        }
    }

    fn columns(&self, field: &Field, _row: f64) -> Columns {
        Columns {
            first: field.lower[0],
            last: field.upper[0],
            step: (field.upper[0] - field.lower[0]) / 7.0,
        }
    }

    fn block(
        &self,
        points: &Points<'_>,
        [b, c]: [f64; 2],
        step: f64,
        mut add: impl FnMut(usize, [f64; LANES]),
    ) {
        for (index, (x, ln_x)) in points.x().iter().zip(self.ln_x).enumerate() {
            let g = (b / x + c * ln_x).exp();
            let ratio = (step / x).exp();
            add(index, chain(g, |g| g * ratio));
        }
    }
}

impl Family for Vap3 {
    fn name(&self) -> Name {
        Name::Vap3
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn ordinary(&self, [s, _, u, v]: [f64; 4]) -> [f64; MOST] {
        [3.0 + s, -0.2 - u, 0.1 * v, 0.0]
    }

    fn needs_logarithms(&self) -> bool {
        true
    }

    fn value(&self, p: &[f64], x: f64) -> f64 {
        (p[0] + p[1] / x + p[2] * x.ln()).exp()
    }

    fn gradient(&self, p: &[f64], x: f64) -> [f64; MOST] {
        let value = self.value(p, x);
        [value, value / x, value * x.ln(), 0.0]
    }

    fn solve(&self, points: &Points<'_>) -> Result<Solution, Failure> {
        let problem = Separable {
            points: *points,
            shape: Vapor {
                ln_x: points.ln_x()?,
            },
            form: Form::Offset,
            p: (0.0, 0.0),
            q: (A.0.exp(), A.1.exp()),
        };
        let ([b, c], best) = surface::lowest(&problem);
        solution(self, &[best.q.ln(), b, c])
    }
}
