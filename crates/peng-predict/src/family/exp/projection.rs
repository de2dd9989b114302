//! Given the decay rate, the best `a` and `b^c` in closed form.

use super::A;
use crate::solve::{Points, effort};

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

/// A decay rate above zero and what is made of it once for all points.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decay {
    pub rate: f64,
    /// The part of the exponential that is gone after one spacing: `1 - e^(-rate spacing)`.
    pub share: f64,
    /// The least `k`: `e^(-rate first)`.
    pub least: f64,
}

impl Decay {
    /// The decay with twice the rate: the square of what is left.
    pub(super) fn doubled(self) -> Self {
        Self {
            rate: 2.0 * self.rate,
            share: self.share * (2.0 - self.share),
            least: self.least * self.least,
        }
    }
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
}

impl Projected {
    pub(super) fn a_at_bound(&self) -> bool {
        self.a <= A.0 || self.a >= A.1
    }
}

/// Sums over the points with `d = 1 - e^(-w)`, `w = rate (x - first)` and values `y` from which
/// their mean is taken. `d` instead of `e`, since for slow decays the differences of `e` would
/// cancel; the sums of `e` do not, for `e` is one at the first point.
#[derive(Clone, Copy)]
struct Sums {
    n: f64,
    d: f64,
    dd: f64,
    yd: f64,
}

impl Sums {
    fn e(&self) -> f64 {
        self.n - self.d
    }

    fn ee(&self) -> f64 {
        self.n - 2.0 * self.d + self.dd
    }
}

/// Points of an even grid that are looked at together.
const ABREAST: usize = 4;

/// Sums over points, of which some make [`Sums`] and the others the slope, with
/// `we = w e^(-w)`.
#[derive(Clone, Copy, Default)]
struct Slopes {
    d: f64,
    dd: f64,
    yd: f64,
    /// Of `we`, and of its products with d and with y.
    turn: f64,
    cross_d: f64,
    cross_y: f64,
}

impl Slopes {
    fn add(&mut self, y: f64, w: f64, d: f64) {
        let we = w * (1.0 - d);
        self.d += d;
        self.dd += d * d;
        self.yd += y * d;
        self.turn += we;
        self.cross_d += we * d;
        self.cross_y += y * we;
    }

    fn with(self, other: Self) -> Self {
        Self {
            d: self.d + other.d,
            dd: self.dd + other.dd,
            yd: self.yd + other.yd,
            turn: self.turn + other.turn,
            cross_d: self.cross_d + other.cross_d,
            cross_y: self.cross_y + other.cross_y,
        }
    }
}

/// How many decay rates are looked at together: their sums do not wait for each other.
pub(super) const LANES: usize = 8;

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

    /// The decay with this rate.
    pub(super) fn decay(&self, rate: f64) -> Decay {
        Decay {
            rate,
            share: self
                .spacing
                .map_or(0.0, |spacing| -(-rate * spacing).exp_m1()),
            least: (-rate * self.first()).exp(),
        }
    }

    /// The x between the first and the second point, or that between zero and the first, if it is
    /// shorter and the least `k` changes with the rate.
    pub(super) fn shortest(&self) -> f64 {
        let gap = self.x[1] - self.x[0];
        if self.x[0] > 0.0 {
            gap.min(self.x[0])
        } else {
            gap
        }
    }

    /// Whether a decay this fast is over before the second point.
    pub(super) fn is_step(&self, rate: f64) -> bool {
        rate * (self.x[1] - self.x[0]) >= STEP
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
        }
    }

    /// The sums of squares of the best curves with these decays.
    pub(super) fn heights(&self, decays: &[Decay; LANES]) -> [f64; LANES] {
        effort::spend(self.y.len() * LANES);
        let shares = decays.map(|decay| decay.share);
        let (mut total, mut squares, mut products) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
        let mut add = |y: f64, d: &[f64; LANES]| {
            for lane in 0..LANES {
                total[lane] += d[lane];
                squares[lane] += d[lane] * d[lane];
                products[lane] += y * d[lane];
            }
        };
        if self.spacing.is_some() {
            // On an even grid the exponentials are powers.
            let rests = shares.map(|share| 1.0 - share);
            let mut d = [0.0; LANES];
            for y in self.y {
                add(y - self.mean, &d);
                for lane in 0..LANES {
                    d[lane] = d[lane] * rests[lane] + shares[lane];
                }
            }
        } else {
            let first = self.first();
            for (x, y) in self.x.iter().zip(self.y) {
                add(
                    y - self.mean,
                    &decays.map(|decay| -(-(decay.rate * (x - first))).exp_m1()),
                );
            }
        }
        std::array::from_fn(|lane| {
            let sums = Sums {
                n: self.x.len() as f64,
                d: total[lane],
                dd: squares[lane],
                yd: products[lane],
            };
            self.projected(&sums, decays[lane].least).sse
        })
    }

    /// The best curve with this decay rate, above zero.
    pub(super) fn solve(&self, rate: f64) -> Projected {
        self.solve_with_slope(rate).0
    }

    /// The best curve with this decay rate, and the derivative of its sum of squares by the
    /// logarithm of the rate.
    pub(super) fn solve_with_slope(&self, rate: f64) -> (Projected, f64) {
        effort::spend(self.y.len());
        let mut lanes = [Slopes::default(); ABREAST];
        if let Some(spacing) = self.spacing {
            self.add_even(&mut lanes, rate * spacing);
        } else {
            let first = self.first();
            for (x, y) in self.x.iter().zip(self.y) {
                let w = rate * (x - first);
                lanes[0].add(y - self.mean, w, -(-w).exp_m1());
            }
        }
        let all = lanes.into_iter().fold(Slopes::default(), Slopes::with);
        let sums = Sums {
            n: self.x.len() as f64,
            d: all.d,
            dd: all.dd,
            yd: all.yd,
        };
        let (turn, cross_d, cross_y) = (all.turn, all.cross_d, all.cross_y);
        let best = self.projected(&sums, (-rate * self.first()).exp());
        // At the optimum the free of a and k do not move the sum of squares, so that only the
        // direct dependence on the rate counts (the envelope theorem).
        let (k, level) = (best.k, best.a - best.k - self.mean);
        let mut pull = cross_y - level * turn - k * cross_d;
        if best.k_at_bound {
            let residual = -sums.n * level - k * sums.d;
            let residual_d = sums.yd - level * sums.d - k * sums.dd;
            pull += rate * self.first() * (residual - residual_d);
        }
        // Zero times an overflow: the exponential has vanished.
        let slope = if k == 0.0 { 0.0 } else { -2.0 * k * pull };
        (best, slope)
    }

    /// Adds the points of an even grid, neighbours `step` apart in `w`, a few abreast, so that no
    /// power waits for the one before it.
    fn add_even(&self, lanes: &mut [Slopes; ABREAST], step: f64) {
        let once = -(-step).exp_m1();
        let twice = once * (2.0 - once);
        let stride = twice * (2.0 - twice);
        let (rest, width) = (1.0 - stride, step * ABREAST as f64);
        let mut d = [0.0, once, twice, twice + (1.0 - twice) * once];
        let mut w = [0.0, step, 2.0 * step, 3.0 * step];
        let (blocks, last) = self.y.as_chunks::<ABREAST>();
        for y in blocks {
            for lane in 0..ABREAST {
                lanes[lane].add(y[lane] - self.mean, w[lane], d[lane]);
                d[lane] = d[lane] * rest + stride;
                w[lane] += width;
            }
        }
        for (lane, y) in last.iter().enumerate() {
            lanes[lane].add(y - self.mean, w[lane], d[lane]);
        }
    }

    fn projected(&self, sums: &Sums, least: f64) -> Projected {
        let variance = sums.dd - sums.d * sums.d / sums.n;
        if variance > 0.0 {
            let k = sums.yd / variance;
            let a = self.mean + k * sums.e() / sums.n;
            if k >= least && (A.0..=A.1).contains(&a) {
                return Projected {
                    a,
                    k,
                    k_at_bound: false,
                    sse: self.spread - k * sums.yd,
                };
            }
        }
        self.on_an_edge(sums, least)
    }

    /// The best on the edges of the allowed `a` and `k`: where the optimum of a convex function
    /// lies, once its free optimum is outside.
    fn on_an_edge(&self, sums: &Sums, least: f64) -> Projected {
        let a = (self.mean + least * sums.e() / sums.n).clamp(A.0, A.1);
        let mut best = self.curve(sums, a, least, true);
        for a in [A.0, A.1] {
            let k = ((a - self.mean) * sums.e() + sums.yd) / sums.ee();
            if k > least {
                let edge = self.curve(sums, a, k, false);
                if edge.sse < best.sse {
                    best = edge;
                }
            }
        }
        best
    }

    fn curve(&self, sums: &Sums, a: f64, k: f64, k_at_bound: bool) -> Projected {
        let level = a - k - self.mean;
        let sse = self.spread + sums.n * level * level + k * k * sums.dd + 2.0 * level * k * sums.d
            - 2.0 * k * sums.yd;
        Projected {
            a,
            k,
            k_at_bound,
            sse,
        }
    }
}
