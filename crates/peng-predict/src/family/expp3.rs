//! `F(x) = c - e^((x - b)^a)`.

use super::{ASYMPTOTE, Family, MOST, Name, Parameter, Solution, parameter, solution};
use crate::solve::separable::{Form, Jet, Separable, Shape};
use crate::solve::surface::{self, Columns, Field, LANES, Surface, chain};
use crate::solve::{Failure, Points};

/// `F(x) = c - e^((x - b)^a)` with `b` below the first x and `a` below 0 (A4NN's index,
/// `accExpp3`; `EXPP3` in Viering and Loog, 2021): it rises to `c - 1`.
///
/// Linear in `c`, so that the fit is a search over two coordinates: descents from the best places
/// of a grid. The surface has valleys that part around `x1 - b = 1`; which of them is found is
/// not certain.
#[derive(Clone, Copy, Debug)]
pub struct Expp3;

const A: (f64, f64) = (-8.0, -0.02);

const PARAMETERS: [Parameter; 3] = [
    parameter("a", A),
    parameter("b", (f64::NEG_INFINITY, f64::INFINITY)),
    parameter("c", ASYMPTOTE),
];

/// `g = e^((x - b)^a)` at the coordinates `t = (ln(-a), ln(x1 - b))`.
#[derive(Clone, Copy)]
struct Tower;

/// `x1 - b` below this share of `x1` is lost in rounding.
const CLOSEST: f64 = 1e-6;
/// `x1 - b` above this many lengths of the curve makes it a line.
const FARTHEST: f64 = 1e3;
/// The logarithm of `x1 - b` around which the valleys part, and within what distance rows are
/// about equally close there.
const PARTING: (f64, f64) = (0.3, 0.2);

impl Shape<2> for Tower {
    fn visit(&self, points: &Points<'_>, t: &[f64; 2], mut add: impl FnMut(usize, Jet<2>)) {
        let power = -t[0].exp();
        let before = t[1].exp();
        for (index, x) in points.x().iter().enumerate() {
            let u = (x - points.first()) + before;
            let share = before / u;
            // The exponent `v`, its logarithm, and the derivatives of that.
            let ln_v = power * u.ln();
            let v = ln_v.exp();
            let g = v.exp();
            let by = [ln_v, power * share];
            let twice = [[ln_v, 0.0], [power * share, power * share * (1.0 - share)]];
            let dd = |k: usize, l: usize| g * v * (twice[k][l] + (1.0 + v) * by[k] * by[l]);
            add(
                index,
                Jet {
                    g,
                    d: by.map(|by| g * v * by),
                    dd: [[dd(0, 0), 0.0], [dd(1, 0), dd(1, 1)]],
                },
            );
        }
    }
}

/// Rows of equal `b` and, along each, exponents at which `a` doubles.
impl Surface for Tower {
    /// Its valleys are long and bent.
    const FIRST_STEPS: usize = 12;

    fn field(&self, points: &Points<'_>) -> Field {
        let closest = CLOSEST * (1.0 + points.first().abs());
        let farthest = FARTHEST * points.length();
        Field {
            lower: [(-A.1).ln(), closest.ln()],
            upper: [(-A.0).ln(), farthest.max(closest).ln()],
            rows: 18,
        }
    }

    /// The closer, the nearer they are to where the valleys part.
    fn row(&self, field: &Field, index: usize) -> f64 {
        let (center, width) = PARTING;
        let [lower, upper] =
            [field.lower[1], field.upper[1]].map(|t| ((t - center) / width).asinh());
        let share = index as f64 / (field.rows - 1) as f64;
        center + width * (lower + (upper - lower) * share).sinh()
    }

    fn columns(&self, field: &Field, _row: f64) -> Columns {
        // One block in the middle; what is beyond its ends is a descent away.
        let step = std::f64::consts::LN_2;
        let beside = 0.5 * (field.upper[0] - field.lower[0] - step * (LANES - 1) as f64);
        let first = field.lower[0] + beside;
        Columns {
            first,
            last: first + step * (LANES - 2) as f64,
            step,
        }
    }

    fn block(
        &self,
        points: &Points<'_>,
        t: [f64; 2],
        _step: f64,
        mut add: impl FnMut(usize, [f64; LANES]),
    ) {
        let a = -t[0].exp();
        let before = t[1].exp();
        for (index, x) in points.x().iter().enumerate() {
            let u = (x - points.first()) + before;
            add(index, chain((a * u.ln()).exp(), |v| v * v).map(f64::exp));
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

    fn ordinary(&self, [s, _, u, v]: [f64; 4]) -> [f64; MOST] {
        [-0.2 - u, -v, 40.0 + 60.0 * s, 0.0]
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
        let (t, best) = surface::lowest(&problem);
        let b = points.first() - t[1].exp();
        solution(self, &[-t[0].exp(), b, best.p])
    }
}
