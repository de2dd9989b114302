//! Given the decay rate, the best `a` and `b^c` in closed form.

use super::A;
use crate::fit::Points;

/// The decay over the first gap from which on the later points no longer feel the exponential:
/// the curve is a step after the first point.
const STEP: f64 = 16.0;

/// The points of a fit, seen as a problem in the decay rate `ln b` alone.
///
/// The curve is written `a - k e^(-rate (x - first))` with `k >= e^(-rate first)`, which is
/// `c >= 0`; `k` is the distance from the asymptote at the first point and stays of the size of
/// the data where `b^c` overflows.
pub(super) struct Projection<'a> {
    x: &'a [f64],
    y: &'a [f64],
    mean: f64,
    /// Sum of the squared distances from the mean.
    spread: f64,
    /// The distance of neighbours in x, where it is the same for all.
    spacing: Option<f64>,
}

/// The best curve of one decay rate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Projected {
    /// The asymptote.
    pub a: f64,
    /// The distance from the asymptote at the first point.
    pub k: f64,
    /// Whether `k` is the least allowed.
    pub k_at_bound: bool,
    /// The sum of squares.
    pub sse: f64,
    /// The derivative of the sum of squares by the logarithm of the decay rate.
    pub slope: f64,
}

impl Projected {
    pub(super) fn a_at_bound(&self) -> bool {
        self.a <= A.0 || self.a >= A.1
    }
}

/// Sums over the points with `e = e^(-w)`, `d = 1 - e`, `w = rate (x - first)` and values `y`
/// from which their mean is taken. `d` beside `e`, since for slow decays the differences of `e`
/// would cancel.
#[derive(Clone, Copy, Default)]
struct Sums {
    n: f64,
    e: f64,
    ee: f64,
    d: f64,
    dd: f64,
    yd: f64,
    we: f64,
    wed: f64,
    ywe: f64,
}

/// How many decay rates are looked at together: their sums do not wait for each other.
pub(super) const LANES: usize = 8;

impl Sums {
    fn add(&mut self, y: f64, w: f64, d: f64) {
        let e = 1.0 - d;
        let we = w * e;
        self.e += e;
        self.ee += e * e;
        self.d += d;
        self.dd += d * d;
        self.yd += y * d;
        self.we += we;
        self.wed += we * d;
        self.ywe += y * we;
    }
}

impl<'a> Projection<'a> {
    pub(super) fn new(points: &Points<'a>) -> Self {
        Self {
            x: points.x(),
            y: points.y(),
            mean: points.mean(),
            spread: points.spread(),
            spacing: points.spacing(),
        }
    }

    pub(super) fn first(&self) -> f64 {
        self.x[0]
    }

    pub(super) fn spread(&self) -> f64 {
        self.spread
    }

    /// The x between the first and the last point.
    pub(super) fn length(&self) -> f64 {
        self.x[self.x.len() - 1] - self.x[0]
    }

    /// The x between the first and the second point.
    pub(super) fn first_gap(&self) -> f64 {
        self.x[1] - self.x[0]
    }

    /// Whether a decay this fast is over before the second point.
    pub(super) fn is_step(&self, rate: f64) -> bool {
        rate * self.first_gap() >= STEP
    }

    /// The best constant, which is `b = 1`: `F = a - 1`.
    pub(super) fn flat(&self) -> Projected {
        let a = (self.mean + 1.0).clamp(A.0, A.1);
        let off = a - 1.0 - self.mean;
        Projected {
            a,
            k: 1.0,
            k_at_bound: true,
            sse: self.spread + self.y.len() as f64 * off * off,
            slope: 0.0,
        }
    }

    /// The best curve with this decay rate, above zero.
    pub(super) fn solve(&self, rate: f64) -> Projected {
        self.solve_sums(rate, self.sums([rate])[0])
    }

    /// The best curve with each of these decay rates, above zero.
    pub(super) fn solve_all(&self, rates: [f64; LANES]) -> [Projected; LANES] {
        let sums = self.sums(rates);
        std::array::from_fn(|lane| self.solve_sums(rates[lane], sums[lane]))
    }

    fn solve_sums(&self, rate: f64, sums: Sums) -> Projected {
        let least = (-rate * self.first()).exp();
        let variance = sums.dd - sums.d * sums.d / sums.n;
        if variance > 0.0 {
            let k = sums.yd / variance;
            let a = self.mean + k * sums.e / sums.n;
            if k >= least && (A.0..=A.1).contains(&a) {
                return self.projected(&sums, rate, a, k, false);
            }
        }
        self.on_an_edge(&sums, rate, least)
    }

    /// The best on the edges of the allowed `a` and `k`: where the optimum of a convex function
    /// lies, once its free optimum is outside.
    fn on_an_edge(&self, sums: &Sums, rate: f64, least: f64) -> Projected {
        let a = (self.mean + least * sums.e / sums.n).clamp(A.0, A.1);
        let mut best = self.projected(sums, rate, a, least, true);
        for a in [A.0, A.1] {
            let k = ((a - self.mean) * sums.e + sums.yd) / sums.ee;
            if k > least {
                let edge = self.projected(sums, rate, a, k, false);
                if edge.sse < best.sse {
                    best = edge;
                }
            }
        }
        best
    }

    fn projected(&self, sums: &Sums, rate: f64, a: f64, k: f64, k_at_bound: bool) -> Projected {
        let level = a - k - self.mean;
        let sse = self.spread + sums.n * level * level + k * k * sums.dd + 2.0 * level * k * sums.d
            - 2.0 * k * sums.yd;
        // At the optimum the free of a and k do not move the sum of squares, so that only the
        // direct dependence on the rate counts (the envelope theorem).
        let mut pull = sums.ywe - level * sums.we - k * sums.wed;
        if k_at_bound {
            let residual = -sums.n * level - k * sums.d;
            let residual_d = sums.yd - level * sums.d - k * sums.dd;
            pull += rate * self.first() * (residual - residual_d);
        }
        // Zero times an overflow: the exponential has vanished.
        let slope = if k == 0.0 { 0.0 } else { -2.0 * k * pull };
        Projected {
            a,
            k,
            k_at_bound,
            sse,
            slope,
        }
    }

    fn sums<const N: usize>(&self, rates: [f64; N]) -> [Sums; N] {
        let mut sums = [Sums {
            n: self.x.len() as f64,
            ..Sums::default()
        }; N];
        if let Some(spacing) = self.spacing {
            // On an even grid the exponentials are powers.
            let steps = rates.map(|rate| rate * spacing);
            let shares = steps.map(|step| -(-step).exp_m1());
            let (mut w, mut d) = ([0.0; N], [0.0; N]);
            for y in self.y {
                let y = y - self.mean;
                for lane in 0..N {
                    sums[lane].add(y, w[lane], d[lane]);
                    w[lane] += steps[lane];
                    d[lane] += (1.0 - d[lane]) * shares[lane];
                }
            }
        } else {
            let first = self.first();
            for (x, y) in self.x.iter().zip(self.y) {
                let y = y - self.mean;
                for lane in 0..N {
                    let w = rates[lane] * (x - first);
                    sums[lane].add(y, w, -(-w).exp_m1());
                }
            }
        }
        sums
    }
}
