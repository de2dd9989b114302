//! `F(x) = a x^b + c`.

use super::{ASYMPTOTE, Family, MOST, Name, Parameter, Solution, WIDE, parameter, solution};
use crate::solve::separable::{Form, Jet, Separable, Shape};
use crate::solve::{Failure, Points, profile};

/// `F(x) = a x^b + c`, x above 0, `b` below 0 (A4NN's index, `accPow3`; pow3 of Domhan,
/// Springenberg and Hutter, IJCAI 2015, table 1).
///
/// Linear in `a` and `c`, so that the fit is a search over the logarithm of `-b`: the solution is
/// the global optimum, as far as minima are wider than its steps.
#[derive(Clone, Copy, Debug)]
pub struct Pow3;

/// A power closer to zero is a logarithm, which [`super::Log2`] is for.
const B: (f64, f64) = (-20.0, -1e-3);
const STEPS: usize = 28;

const PARAMETERS: [Parameter; 3] = [
    parameter("a", WIDE),
    parameter("b", B),
    parameter("c", ASYMPTOTE),
];

/// `g = x^-(e^t)`.
struct Power<'a>(&'a [f64]);

impl Shape<1> for Power<'_> {
    fn visit(&self, _points: &Points<'_>, t: &[f64; 1], mut add: impl FnMut(usize, Jet<1>)) {
        let b = -t[0].exp();
        for (index, ln_x) in self.0.iter().enumerate() {
            let ln_g = b * ln_x;
            let g = ln_g.exp();
            add(
                index,
                Jet {
                    g,
                    d: [g * ln_g],
                    dd: [[g * ln_g * (1.0 + ln_g)]],
                },
            );
        }
    }
}

impl Family for Pow3 {
    fn name(&self) -> Name {
        Name::Pow3
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn asymptote(&self) -> Option<usize> {
        Some(2)
    }

    fn ordinary(&self, [s, t, u, _]: [f64; 4]) -> [f64; MOST] {
        [-10.0 - 30.0 * t, -0.1 - 2.0 * u, 40.0 + 60.0 * s, 0.0]
    }

    fn needs_logarithms(&self) -> bool {
        true
    }

    fn value(&self, p: &[f64], x: f64) -> f64 {
        p[0] * x.powf(p[1]) + p[2]
    }

    fn gradient(&self, p: &[f64], x: f64) -> [f64; MOST] {
        let power = x.powf(p[1]);
        [power, p[0] * power * x.ln(), 1.0, 0.0]
    }

    fn solve(&self, points: &Points<'_>) -> Result<Solution, Failure> {
        let problem = Separable {
            points: *points,
            shape: Power(points.ln_x()?),
            form: Form::Offset,
            p: ASYMPTOTE,
            q: WIDE,
        };
        let range = ((-B.1).ln(), (-B.0).ln());
        let t = profile::lowest(range, STEPS, profile::tolerance(points), |t| {
            let here = problem.at(&[t]);
            (here.sse, here.slope[0])
        });
        let best = problem.at(&[t]);
        solution(self, &[best.q, -t.exp(), best.p])
    }
}
