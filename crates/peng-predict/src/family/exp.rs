//! The paper's family: `F(x) = a - b^(c-x)`.

mod projection;
mod search;

use super::{Family, MOST, Name, Parameter, Parameters, Solution};
use crate::solve::{Failure, Outcome, Points};
use projection::Projection;

/// `F(x) = a - b^(c-x)` with `a` in [0.5, 200], `b >= 1`, `c >= 0` (Rorabaugh et al., arXiv
/// 2101.04185, section 3; the bounds are those of the published code).
///
/// It rises from `a - b^(c-x1)` towards `a`. At `b = 1` it is the constant `a - 1`.
///
/// With `b` given it is linear in `a` and `k = b^c >= 1`, so that the least-squares optimum is a
/// one-dimensional problem (variable projection: Golub and Pereyra, SIAM J. Numer. Anal. 10(2),
/// 1973), searched over all of `b`: the solution is the global optimum, but for one in some
/// millions of noisy curves of few, unevenly spaced points, whose sum of squares has several minima
/// as close to each other as steps of the search; it is then some 1e-5 above the least.
#[derive(Clone, Copy, Debug)]
pub struct Exp;

/// The least and the largest `a`.
const A: (f64, f64) = (0.5, 200.0);

const PARAMETERS: [Parameter; 3] = [
    Parameter {
        name: "a",
        lower: A.0,
        upper: A.1,
    },
    Parameter {
        name: "b",
        lower: 1.0,
        upper: f64::INFINITY,
    },
    Parameter {
        name: "c",
        lower: 0.0,
        upper: f64::INFINITY,
    },
];

impl Family for Exp {
    fn name(&self) -> Name {
        Name::Exp
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn asymptote(&self) -> Option<usize> {
        Some(0)
    }

    fn ordinary(&self, [s, _, u, v]: [f64; 4]) -> [f64; MOST] {
        [40.0 + 60.0 * s, 1.05 + u, 1.0 + 5.0 * v, 0.0]
    }

    fn value(&self, p: &[f64], x: f64) -> f64 {
        let [asymptote, base, shift] = split(p);
        asymptote - (rate(base) * (shift - x)).exp()
    }

    fn gradient(&self, p: &[f64], x: f64) -> [f64; MOST] {
        let [_, base, shift] = split(p);
        let power = (rate(base) * (shift - x)).exp();
        [1.0, -(shift - x) * power / base, -rate(base) * power, 0.0]
    }

    fn solve(&self, points: &Points<'_>) -> Result<Solution, Failure> {
        let projection = Projection::new(points);
        let flat = projection.flat();
        match search::best(&projection, flat.sse) {
            Some(rate) => curved(&projection, rate),
            None => exact(
                [flat.a, 1.0, 0.0],
                Outcome::at_bounds([flat.a_at_bound(), true, true, false]),
            ),
        }
    }
}

/// The curve with this decay rate, expressed in parameters that `f64` can hold: `b` is rounded
/// first and `a` and `c` are the best for the rounded `b`.
fn curved(projection: &Projection<'_>, decay: f64) -> Result<Solution, Failure> {
    let b = decay.exp();
    let decay = rate(b);
    if decay == 0.0 {
        let flat = projection.flat();
        return exact(
            [flat.a, 1.0, 0.0],
            Outcome::at_bounds([flat.a_at_bound(), true, true, false]),
        );
    }
    let best = projection.solve(decay);
    let c = if best.k_at_bound {
        0.0
    } else {
        (projection.first() + best.k.ln() / decay).max(0.0)
    };
    let at_bounds = [
        best.a_at_bound(),
        projection.is_step(decay),
        best.k_at_bound,
        false,
    ];
    exact([best.a, b, c], Outcome::at_bounds(at_bounds))
}

fn exact(parameters: [f64; 3], outcome: Outcome) -> Result<Solution, Failure> {
    let parameters = Parameters::new(&parameters).map_err(|_| Failure::Overflow)?;
    Ok(Solution {
        parameters,
        outcome,
    })
}

/// `ln b`, exact also where `b` is next to 1.
fn rate(b: f64) -> f64 {
    (b - 1.0).ln_1p()
}

/// The parameters a, b and c.
fn split(p: &[f64]) -> [f64; 3] {
    p.try_into().unwrap_or([f64::NAN; 3])
}
