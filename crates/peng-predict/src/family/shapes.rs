//! Shapes that several families share.

use crate::solve::Points;
use crate::solve::separable::{Jet, Shape};
use crate::solve::surface::{Columns, Field, LANES, Surface, chain};

/// `g = e^(-rate x)` at the coordinate `t = ln rate`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decay;

/// The fastest decay between two neighbours that is looked at: what is left of it is below the
/// resolution of an `f64`.
const FASTEST: f64 = 40.0;
/// The slowest decay over the whole curve that is looked at: a line, but for a thousandth.
const SLOWEST: f64 = 1e-3;
/// The largest exponent without an underflow.
const LARGEST: f64 = 700.0;

impl Decay {
    /// The coordinates worth looking at.
    pub(super) fn range(points: &Points<'_>) -> (f64, f64) {
        let slowest = SLOWEST / points.length();
        let fastest = (FASTEST / points.first_gap()).min(LARGEST / points.last().abs());
        (slowest.ln(), fastest.ln().max(slowest.ln()))
    }
}

impl Shape<1> for Decay {
    fn visit(&self, points: &Points<'_>, t: &[f64; 1], mut add: impl FnMut(usize, Jet<1>)) {
        let rate = t[0].exp();
        let mut add = |index: usize, x: f64, g: f64| {
            let ln_g = -rate * x;
            add(
                index,
                Jet {
                    g,
                    d: [ln_g * g],
                    dd: [[ln_g * (1.0 + ln_g) * g]],
                },
            );
        };
        if let Some(spacing) = points.spacing() {
            // On an even grid the exponentials are powers.
            let ratio = (-rate * spacing).exp();
            let mut g = (-rate * points.first()).exp();
            for (index, &x) in points.x().iter().enumerate() {
                add(index, x, g);
                g *= ratio;
            }
        } else {
            for (index, &x) in points.x().iter().enumerate() {
                add(index, x, (-rate * x).exp());
            }
        }
    }
}

/// `g = f(u)` with `u = (x / s)^d` at the coordinates `t = (ln s, ln d)`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sigmoid<'a> {
    pub ln_x: &'a [f64],
    pub of: Of,
}

/// What the shape makes of `u`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// `e^-u`.
    Exponential,
    /// `1 / (1 + u)`.
    Hyperbola,
}

impl Shape<2> for Sigmoid<'_> {
    fn visit(&self, _points: &Points<'_>, t: &[f64; 2], mut add: impl FnMut(usize, Jet<2>)) {
        let power = t[1].exp();
        for (index, ln_x) in self.ln_x.iter().enumerate() {
            let ln_u = power * (ln_x - t[0]);
            let u = ln_u.exp();
            // `drop` is -dg/d(ln u), `bend` the second derivative.
            let (g, drop, bend) = match self.of {
                Of::Exponential => {
                    let g = (-u).exp();
                    let drop = if u < LARGEST { g * u } else { 0.0 };
                    (g, drop, -drop * (1.0 - u))
                }
                Of::Hyperbola => {
                    let g = 1.0 / (1.0 + u);
                    let drop = g * (1.0 - g);
                    (g, drop, drop * (1.0 - 2.0 * g))
                }
            };
            let bend = if drop == 0.0 { 0.0 } else { bend };
            add(
                index,
                Jet {
                    g,
                    d: [drop * power, -drop * ln_u],
                    dd: [
                        [bend * power * power, 0.0],
                        [
                            drop * power - bend * power * ln_u,
                            (bend * ln_u - drop) * ln_u,
                        ],
                    ],
                },
            );
        }
    }
}

/// Rows of equal `d` and, along each, scales `s` at which `u` doubles.
impl Surface for Sigmoid<'_> {
    /// `s` from well before the first point to well after the last, `d` from 0.1 to 8.
    fn field(&self, _points: &Points<'_>) -> Field {
        let (first, last) = (self.ln_x[0], self.ln_x[self.ln_x.len() - 1]);
        Field {
            lower: [first - 3.0, 0.1_f64.ln()],
            upper: [last + 4.0, 8.0_f64.ln()],
            rows: 9,
        }
    }

    /// Beyond the points the larger `d` is, the sooner is nothing of the shape left.
    fn columns(&self, field: &Field, row: f64) -> Columns {
        let power = row.exp();
        let (first, last) = (field.lower[0] + 3.0, field.upper[0] - 4.0);
        Columns {
            first: last + 4.0_f64.min(4.0 / power),
            last: first - 3.0_f64.min(3.0 / power),
            step: -std::f64::consts::LN_2 / power,
        }
    }

    fn block(
        &self,
        _points: &Points<'_>,
        [ln_s, ln_d]: [f64; 2],
        _step: f64,
        mut add: impl FnMut(usize, [f64; LANES]),
    ) {
        let power = ln_d.exp();
        for (index, ln_x) in self.ln_x.iter().enumerate() {
            let u = (power * (ln_x - ln_s)).exp();
            let lanes = match self.of {
                Of::Exponential => chain((-u).exp(), |g| g * g),
                Of::Hyperbola => chain(u, |u| u + u).map(|u| 1.0 / (1.0 + u)),
            };
            add(index, lanes);
        }
    }
}

/// A shape without coordinates: a value at each point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Values<'a, F> {
    pub of: &'a [f64],
    pub g: F,
}

impl<F: Fn(f64) -> f64> Shape<0> for Values<'_, F> {
    fn visit(&self, _points: &Points<'_>, _t: &[f64; 0], mut add: impl FnMut(usize, Jet<0>)) {
        for (index, &value) in self.of.iter().enumerate() {
            let g = (self.g)(value);
            add(index, Jet { g, d: [], dd: [] });
        }
    }
}
