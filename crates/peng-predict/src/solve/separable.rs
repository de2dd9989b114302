//! Families that are linear in two of their parameters: given the others, the best of the two in
//! closed form.
//!
//! Variable projection (Golub and Pereyra, SIAM J. Numer. Anal. 10(2), 1973) with Kaufman's
//! simplified Jacobian (BIT 15, 1975) beside the full second derivatives, and bounds on the two
//! linear parameters.

use super::effort;
use super::points::Points;

/// A shape `g(x; t)` in `K` coordinates `t`, for a curve `p h + q g`.
pub(crate) trait Shape<const K: usize> {
    /// Calls `add` with the number of each point and `g` there.
    fn visit(&self, points: &Points<'_>, t: &[f64; K], add: impl FnMut(usize, Jet<K>));
}

/// A shape's value at a point and its derivatives by the coordinates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Jet<const K: usize> {
    pub g: f64,
    /// First derivatives.
    pub d: [f64; K],
    /// Second derivatives; those above the diagonal are not looked at.
    pub dd: [[f64; K]; K],
}

/// What `h` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// 1: the curve is `p + q g`.
    Offset,
    /// `1 - g`: the curve goes from `q` to `p` as `g` goes from one to zero.
    Between,
}

/// A curve `p h + q g` with bounds on p and q.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Separable<'a, S> {
    pub points: Points<'a>,
    pub shape: S,
    pub form: Form,
    pub p: (f64, f64),
    pub q: (f64, f64),
}

/// The best curve of one shape.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reduced<const K: usize> {
    pub p: f64,
    pub q: f64,
    /// The sum of squares; infinite where the shape overflows.
    pub sse: f64,
    /// Its derivative by each coordinate of the shape.
    pub slope: [f64; K],
    /// Its second derivatives; zero for a single coordinate.
    pub bend: [[f64; K]; K],
    /// The same as Kaufman approximates them, never negative definite.
    pub model: [[f64; K]; K],
}

impl<const K: usize> Reduced<K> {
    const WORST: Self = Self {
        p: 0.0,
        q: 0.0,
        sse: f64::INFINITY,
        slope: [0.0; K],
        bend: [[0.0; K]; K],
        model: [[0.0; K]; K],
    };
}

/// Sums over the points with `y` from which the mean is taken.
#[derive(Clone, Copy)]
struct Sums<const K: usize> {
    g: f64,
    gg: f64,
    yg: f64,
    d: [f64; K],
    gd: [f64; K],
    yd: [f64; K],
    dd: [[f64; K]; K],
    e: [[f64; K]; K],
    ge: [[f64; K]; K],
    ye: [[f64; K]; K],
}

/// The products of the two columns and y.
#[derive(Clone, Copy)]
struct Normal {
    hh: f64,
    hg: f64,
    gg: f64,
    hy: f64,
    gy: f64,
}

/// A solution of the linear part.
#[derive(Clone, Copy)]
struct Pair {
    p: f64,
    q: f64,
    p_free: bool,
    q_free: bool,
}

impl<S> Separable<'_, S> {
    /// The least sum of squares, given the sums of g, its square, and its product with the
    /// values from which the mean is taken; infinite where they overflow.
    pub(crate) fn least(&self, g: f64, gg: f64, yg: f64) -> f64 {
        let normal = self.normal(g, gg, yg);
        let pair = self.pair(&normal);
        let sse = self.squares(&normal, pair.p, pair.q);
        if sse.is_finite() { sse } else { f64::INFINITY }
    }

    /// The best curve of this shape.
    pub(crate) fn at<const K: usize>(&self, t: &[f64; K]) -> Reduced<K>
    where
        S: Shape<K>,
    {
        let sums = self.sums(t);
        let normal = self.normal(sums.g, sums.gg, sums.yg);
        let pair = self.pair(&normal);
        let sse = self.squares(&normal, pair.p, pair.q);
        if !sse.is_finite() {
            return Reduced::WORST;
        }
        let weight = match self.form {
            Form::Offset => pair.q,
            Form::Between => pair.q - pair.p,
        };
        let hd = |k: usize| match self.form {
            Form::Offset => sums.d[k],
            Form::Between => sums.d[k] - sums.gd[k],
        };
        let mut reduced = Reduced {
            p: pair.p + self.points.mean(),
            q: match self.form {
                Form::Offset => pair.q,
                Form::Between => pair.q + self.points.mean(),
            },
            sse: sse.max(0.0),
            slope: [0.0; K],
            bend: [[0.0; K]; K],
            model: [[0.0; K]; K],
        };
        let residual = |k: usize| sums.yd[k] - pair.p * hd(k) - pair.q * sums.gd[k];
        // How p and q move the derivative by a coordinate; the weight moves with them.
        let by_pair = |k: usize| {
            let by_p = match self.form {
                Form::Offset => 0.0,
                Form::Between => residual(k),
            };
            (weight * hd(k) + by_p, weight * sums.gd[k] - residual(k))
        };
        for k in 0..K {
            reduced.slope[k] = -2.0 * weight * residual(k);
            if K == 1 {
                break;
            }
            for l in 0..=k {
                let (e, ge) = (sums.e[k][l], sums.ge[k][l]);
                let he = match self.form {
                    Form::Offset => e,
                    Form::Between => e - ge,
                };
                let curved = sums.ye[k][l] - pair.p * he - pair.q * ge;
                let explained = normal.explained(pair, by_pair(k), by_pair(l));
                let square = weight * weight * sums.dd[k][l];
                reduced.bend[k][l] = 2.0 * (square - weight * curved - explained);
                let explained = normal.explained(pair, (hd(k), sums.gd[k]), (hd(l), sums.gd[l]));
                reduced.model[k][l] = 2.0 * (square - weight * weight * explained);
                reduced.bend[l][k] = reduced.bend[k][l];
                reduced.model[l][k] = reduced.model[k][l];
            }
        }
        reduced
    }

    fn sums<const K: usize>(&self, t: &[f64; K]) -> Sums<K>
    where
        S: Shape<K>,
    {
        let mut sums = Sums {
            g: 0.0,
            gg: 0.0,
            yg: 0.0,
            d: [0.0; K],
            gd: [0.0; K],
            yd: [0.0; K],
            dd: [[0.0; K]; K],
            e: [[0.0; K]; K],
            ge: [[0.0; K]; K],
            ye: [[0.0; K]; K],
        };
        effort::spend(self.points.len());
        let (y, mean) = (self.points.y(), self.points.mean());
        self.shape
            .visit(&self.points, t, |index, Jet { g, d, dd: e }| {
                let y = y[index] - mean;
                sums.g += g;
                sums.gg += g * g;
                sums.yg += y * g;
                for k in 0..K {
                    sums.d[k] += d[k];
                    sums.gd[k] += g * d[k];
                    sums.yd[k] += y * d[k];
                    // A single coordinate is walked by its slope alone.
                    if K == 1 {
                        break;
                    }
                    for l in 0..=k {
                        sums.dd[k][l] += d[k] * d[l];
                        sums.e[k][l] += e[k][l];
                        sums.ge[k][l] += g * e[k][l];
                        sums.ye[k][l] += y * e[k][l];
                    }
                }
            });
        sums
    }

    fn normal(&self, g: f64, gg: f64, yg: f64) -> Normal {
        let n = self.points.len() as f64;
        match self.form {
            Form::Offset => Normal {
                hh: n,
                hg: g,
                gg,
                hy: 0.0,
                gy: yg,
            },
            Form::Between => Normal {
                hh: n - 2.0 * g + gg,
                hg: g - gg,
                gg,
                hy: -yg,
                gy: yg,
            },
        }
    }

    fn squares(&self, normal: &Normal, p: f64, q: f64) -> f64 {
        self.points.spread() - 2.0 * (p * normal.hy + q * normal.gy)
            + p * p * normal.hh
            + 2.0 * p * q * normal.hg
            + q * q * normal.gg
    }

    /// The best p and q within their bounds, for values from which the mean is taken.
    fn pair(&self, normal: &Normal) -> Pair {
        let mean = self.points.mean();
        let shift = |(lower, upper): (f64, f64)| (lower - mean, upper - mean);
        let p = shift(self.p);
        let q = match self.form {
            Form::Offset => self.q,
            Form::Between => shift(self.q),
        };
        let inside = |(lower, upper): (f64, f64), value: f64| lower <= value && value <= upper;
        let determinant = normal.hh * normal.gg - normal.hg * normal.hg;
        if determinant > 1e-15 * normal.hh * normal.gg {
            let free = Pair {
                p: (normal.gg * normal.hy - normal.hg * normal.gy) / determinant,
                q: (normal.hh * normal.gy - normal.hg * normal.hy) / determinant,
                p_free: true,
                q_free: true,
            };
            if inside(p, free.p) && inside(q, free.q) {
                return free;
            }
        }
        self.on_an_edge(normal, p, q)
    }

    /// The best on the edges of the allowed p and q, where the optimum of a convex function lies
    /// once its free optimum is outside.
    fn on_an_edge(&self, normal: &Normal, p: (f64, f64), q: (f64, f64)) -> Pair {
        let mut best = Pair {
            p: p.0.max(p.1.min(0.0)),
            q: q.0.max(q.1.min(0.0)),
            p_free: false,
            q_free: false,
        };
        let mut least = f64::INFINITY;
        let mut offer = |pair: Pair| {
            let sse = self.squares(normal, pair.p, pair.q);
            if sse < least {
                (best, least) = (pair, sse);
            }
        };
        for edge in [p.0, p.1].into_iter().filter(|edge| edge.is_finite()) {
            let free = (normal.gy - edge * normal.hg) / normal.gg;
            let held = free.max(q.0).min(q.1);
            offer(Pair {
                p: edge,
                q: held,
                p_free: false,
                q_free: held.to_bits() == free.to_bits(),
            });
        }
        for edge in [q.0, q.1].into_iter().filter(|edge| edge.is_finite()) {
            let free = (normal.hy - edge * normal.hg) / normal.hh;
            let held = free.max(p.0).min(p.1);
            offer(Pair {
                p: held,
                q: edge,
                p_free: held.to_bits() == free.to_bits(),
                q_free: false,
            });
        }
        best
    }
}

impl Normal {
    /// What the free columns explain of the product of two vectors, given their products with
    /// `h` and `g`.
    fn explained(&self, pair: Pair, a: (f64, f64), b: (f64, f64)) -> f64 {
        match (pair.p_free, pair.q_free) {
            (true, true) => {
                let determinant = self.hh * self.gg - self.hg * self.hg;
                (self.gg * a.0 * b.0 - self.hg * (a.0 * b.1 + a.1 * b.0) + self.hh * a.1 * b.1)
                    / determinant
            }
            (true, false) => a.0 * b.0 / self.hh,
            (false, true) => a.1 * b.1 / self.gg,
            (false, false) => 0.0,
        }
    }
}
