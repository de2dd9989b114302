//! `F(x) = a x^b`.

use super::{Family, MOST, Name, Parameter, Solution, parameter, solution};
use crate::solve::separable::{Form, Jet, Separable, Shape};
use crate::solve::{Failure, Points, profile};

/// `F(x) = a x^b`, x above 0 (A4NN's index, `accPow2`; `POW2` in Viering and Loog, *The Shape of
/// Learning Curves*, 2021, table 1).
///
/// Linear in `a`, so that the fit is a search over `b`: the solution is the global optimum, as far
/// as minima are wider than a quarter in `b`.
#[derive(Clone, Copy, Debug)]
pub struct Pow2;

const A: (f64, f64) = (0.0, 200.0);
const B: (f64, f64) = (-3.0, 3.0);
const STEPS: usize = 24;

const PARAMETERS: [Parameter; 2] = [parameter("a", A), parameter("b", B)];

struct Power<'a>(&'a [f64]);

impl Shape<1> for Power<'_> {
    fn visit(&self, _points: &Points<'_>, t: &[f64; 1], mut add: impl FnMut(usize, Jet<1>)) {
        for (index, ln_x) in self.0.iter().enumerate() {
            let g = (t[0] * ln_x).exp();
            add(
                index,
                Jet {
                    g,
                    d: [g * ln_x],
                    dd: [[g * ln_x * ln_x]],
                },
            );
        }
    }
}

impl Family for Pow2 {
    fn name(&self) -> Name {
        Name::Pow2
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn ordinary(&self, [_, t, u, _]: [f64; 4]) -> [f64; MOST] {
        [10.0 + 30.0 * t, 0.05 + 0.5 * u, 0.0, 0.0]
    }

    fn needs_logarithms(&self) -> bool {
        true
    }

    fn value(&self, p: &[f64], x: f64) -> f64 {
        p[0] * x.powf(p[1])
    }

    fn gradient(&self, p: &[f64], x: f64) -> [f64; MOST] {
        let power = x.powf(p[1]);
        [power, p[0] * power * x.ln(), 0.0, 0.0]
    }

    fn solve(&self, points: &Points<'_>) -> Result<Solution, Failure> {
        let problem = Separable {
            points: *points,
            shape: Power(points.ln_x()?),
            form: Form::Offset,
            p: (0.0, 0.0),
            q: A,
        };
        let b = profile::lowest(B, STEPS, profile::tolerance(points), |b| {
            let here = problem.at(&[b]);
            (here.sse, here.slope[0])
        });
        solution(self, &[problem.at(&[b]).q, b])
    }
}
