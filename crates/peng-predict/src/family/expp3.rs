//! `F(x) = c - e^((x - b)^a)`.

use super::{ASYMPTOTE, Family, MOST, Name, Parameter, Solution, parameter, solution};
use crate::fit::separable::{Form, Separable, Shape};
use crate::fit::surface::{self, Field};
use crate::fit::{Failure, Points};

/// `F(x) = c - e^((x - b)^a)` with `b` below the first x and `a` below 0 (A4NN's index,
/// `accExpp3`; `EXPP3` in Viering and Loog, 2021): it rises to `c - 1`.
///
/// Linear in `c`, so that the fit is a search over two coordinates: descents from the best places
/// of a grid. The surface has several valleys that differ by hundredths of a point; which of them
/// is found is not certain.
#[derive(Clone, Copy, Debug)]
pub struct Expp3;

const A: (f64, f64) = (-8.0, -0.02);

/// The exponent at the first point, which is then up to `e^6 - 1` percent below the end.
const W: (f64, f64) = (0.01, 6.0);

const PARAMETERS: [Parameter; 3] = [
    parameter("a", A),
    parameter("b", (f64::NEG_INFINITY, f64::INFINITY)),
    parameter("c", ASYMPTOTE),
];

/// `g = e^((x - b)^a)` at the coordinates `w` and `ln(-a)`, where `w = (x1 - b)^a` is the exponent
/// at the first point: what the data know best.
struct Tower;

/// `x1 - b` below this share of `x1` is lost in rounding.
const CLOSEST: f64 = 1e-9;

/// `ln(x1 - b)`, from the coordinates.
fn ln_before(t: &[f64; 2]) -> f64 {
    -t[0].ln() / t[1].exp()
}

impl Shape<2> for Tower {
    fn visit(&self, points: &Points<'_>, t: &[f64; 2], mut add: impl FnMut(usize, f64, [f64; 2])) {
        let a = -t[1].exp();
        let ln_before = ln_before(t);
        let first = points.first();
        let before = if ln_before > (CLOSEST * (1.0 + first.abs())).ln() {
            ln_before.exp()
        } else {
            f64::NAN
        };
        for (index, x) in points.x().iter().enumerate() {
            let u = (x - first) + before;
            let ln_u = u.ln();
            let power = (a * ln_u).exp();
            let g = power.exp();
            let share = before / u;
            let slope = g * power;
            add(
                index,
                g,
                [slope * share / t[0], slope * a * (ln_u - share * ln_before)],
            );
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
            lower: [W.0, (-A.1).ln()],
            upper: [W.1, (-A.0).ln()],
            places: [9, 9],
        };
        let (t, best) = surface::lowest(&problem, &field);
        let b = points.first() - ln_before(&t).exp();
        solution(self, &[-t[1].exp(), b, best.p])
    }
}
