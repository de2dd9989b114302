//! Shapes that several families share.

use crate::fit::Points;
use crate::fit::separable::Shape;

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
    fn visit(&self, points: &Points<'_>, t: &[f64; 1], mut add: impl FnMut(usize, f64, [f64; 1])) {
        let rate = t[0].exp();
        if let Some(spacing) = points.spacing() {
            // On an even grid the exponentials are powers.
            let ratio = (-rate * spacing).exp();
            let mut g = (-rate * points.first()).exp();
            for (index, &x) in points.x().iter().enumerate() {
                add(index, g, [-rate * x * g]);
                g *= ratio;
            }
        } else {
            for (index, &x) in points.x().iter().enumerate() {
                let g = (-rate * x).exp();
                add(index, g, [-rate * x * g]);
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

impl Sigmoid<'_> {
    /// The coordinates worth looking at: `s` from well before the first point to well after the
    /// last, `d` from 0.1 to 8.
    pub(super) fn field(&self) -> crate::fit::surface::Field {
        let (first, last) = (self.ln_x[0], self.ln_x[self.ln_x.len() - 1]);
        crate::fit::surface::Field {
            lower: [first - 3.0, 0.1_f64.ln()],
            upper: [last + 4.0, 8.0_f64.ln()],
            places: [8, 9],
        }
    }
}

impl Shape<2> for Sigmoid<'_> {
    fn visit(&self, _points: &Points<'_>, t: &[f64; 2], mut add: impl FnMut(usize, f64, [f64; 2])) {
        let power = t[1].exp();
        for (index, ln_x) in self.ln_x.iter().enumerate() {
            let ln_u = power * (ln_x - t[0]);
            let u = ln_u.exp();
            // `drop` is -dg/d(ln u).
            let (g, drop) = match self.of {
                Of::Exponential => {
                    let g = (-u).exp();
                    (g, if u < LARGEST { g * u } else { 0.0 })
                }
                Of::Hyperbola => {
                    let g = 1.0 / (1.0 + u);
                    (g, g * (1.0 - g))
                }
            };
            add(index, g, [drop * power, -drop * ln_u]);
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
    fn visit(
        &self,
        _points: &Points<'_>,
        _t: &[f64; 0],
        mut add: impl FnMut(usize, f64, [f64; 0]),
    ) {
        for (index, &value) in self.of.iter().enumerate() {
            add(index, (self.g)(value), []);
        }
    }
}
