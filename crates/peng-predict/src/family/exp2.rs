//! `F(x) = a e^(b x)`.

use super::{Family, MOST, Name, Parameter, Solution, parameter, solution};
use crate::solve::separable::{Form, Jet, Separable, Shape};
use crate::solve::{Failure, Points, profile};

/// `F(x) = a e^(b x)` (A4NN's index, `accExp2`; `EXP2` in Viering and Loog, 2021).
///
/// Linear in `a`, so that the fit is a search over `b`, in steps that grow with its distance from
/// zero: the solution is the global optimum, as far as minima are wider than these.
#[derive(Clone, Copy, Debug)]
pub struct Exp2;

const A: (f64, f64) = (0.0, 200.0);
const B: (f64, f64) = (-10.0, 10.0);
/// The largest exponent that is looked at.
const LARGEST: f64 = 600.0;
const STEPS: usize = 36;

const PARAMETERS: [Parameter; 2] = [parameter("a", A), parameter("b", B)];

/// `g = e^(b x)` with `b = unit sinh(t)`.
struct Growth {
    unit: f64,
}

impl Shape<1> for Growth {
    fn visit(&self, points: &Points<'_>, t: &[f64; 1], mut add: impl FnMut(usize, Jet<1>)) {
        let (b, by_t) = (self.unit * t[0].sinh(), self.unit * t[0].cosh());
        let mut add = |index: usize, x: f64, g: f64| {
            let slope = by_t * x;
            add(
                index,
                Jet {
                    g,
                    d: [slope * g],
                    dd: [[(b * x + slope * slope) * g]],
                },
            );
        };
        if let Some(spacing) = points.spacing() {
            let ratio = (b * spacing).exp();
            let mut g = (b * points.first()).exp();
            for (index, &x) in points.x().iter().enumerate() {
                add(index, x, g);
                g *= ratio;
            }
        } else {
            for (index, &x) in points.x().iter().enumerate() {
                let g = (b * x).exp();
                add(index, x, g);
            }
        }
    }
}

impl Family for Exp2 {
    fn name(&self) -> Name {
        Name::Exp2
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn ordinary(&self, [_, t, u, _]: [f64; 4]) -> [f64; MOST] {
        [10.0 + 30.0 * t, 0.04 * u, 0.0, 0.0]
    }

    fn value(&self, p: &[f64], x: f64) -> f64 {
        p[0] * (p[1] * x).exp()
    }

    fn gradient(&self, p: &[f64], x: f64) -> [f64; MOST] {
        let power = (p[1] * x).exp();
        [power, p[0] * x * power, 0.0, 0.0]
    }

    fn solve(&self, points: &Points<'_>) -> Result<Solution, Failure> {
        let unit = 1.0 / points.first().abs().max(points.last().abs());
        let largest = B.1.min(LARGEST * unit);
        let problem = Separable {
            points: *points,
            shape: Growth { unit },
            form: Form::Offset,
            p: (0.0, 0.0),
            q: A,
        };
        let end = (largest / unit).asinh();
        let t = profile::lowest((-end, end), STEPS, profile::tolerance(points), |t| {
            let here = problem.at(&[t]);
            (here.sse, here.slope[0])
        });
        let b = (unit * t.sinh()).clamp(B.0, B.1);
        solution(self, &[problem.at(&[t]).q, b])
    }
}
