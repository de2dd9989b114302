//! The decay rate with the least sum of squares, over all rates.

use super::projection::{LANES, Projected, Projection};

/// The slowest decay looked at, over the whole curve. With `a <= 200` a slower one is flat to
/// 2e-4 points.
const SLOWEST: f64 = 1e-6;
/// Below this decay over the whole curve, a curve is a line bent so little that the sum of
/// squares changes its course only slowly.
const NEARLY_STRAIGHT: f64 = 0.05;
/// Steps of the search, as factors of the rate.
const COARSE: f64 = 4.0;
const FINE: f64 = 1.5;
/// The fastest decay looked at, over the first gap: what is left of the exponential at the second
/// point is below the resolution of an `f64`.
const FASTEST: f64 = 40.0;
/// The largest `ln b` for which `b` is finite with room to spare.
const LARGEST: f64 = 700.0;
/// Slopes and differences below this share of the values' spread are rounding.
const ROUNDING: f64 = 1e-13;

/// The decay rate of the best curve, or none if no curve is better than the best constant, which
/// has the sum of squares `flat`. Of equally good rates the slowest: it promises the most, so
/// that the least is concluded from it.
///
/// Walks over the rates in steps small against the width of any minimum, and refines each
/// interval in which the sum of squares turns from falling to rising.
pub(super) fn best(projection: &Projection<'_>, flat: f64) -> Option<f64> {
    let length = projection.length();
    let fastest = (FASTEST / projection.first_gap()).min(LARGEST);
    let tolerance = ROUNDING * projection.spread();
    let mut best = Best {
        rate: None,
        sse: flat - tolerance,
        tolerance,
    };
    let mut before: Option<(f64, Projected)> = None;
    let mut rate = SLOWEST / length;
    while rate < fastest {
        let mut rates = [fastest; LANES];
        for slot in &mut rates {
            *slot = rate;
            rate = (rate
                * if rate * length < NEARLY_STRAIGHT {
                    COARSE
                } else {
                    FINE
                })
            .min(fastest);
        }
        for (rate, here) in rates.into_iter().zip(projection.solve_all(rates)) {
            if let Some((slower, there)) = before
                && there.slope < -tolerance
                && here.slope >= -tolerance
            {
                if here.slope > tolerance {
                    let turn = turning_point(projection, (slower, there.slope), (rate, here.slope));
                    best.offer(turn, projection.solve(turn).sse);
                } else {
                    best.offer(rate, here.sse);
                }
            }
            before = Some((rate, here));
        }
    }
    if let Some((fastest, last)) = before
        && last.slope < -tolerance
    {
        best.offer(fastest, last.sse);
    }
    best.rate
}

struct Best {
    rate: Option<f64>,
    /// What a rate has to be below.
    sse: f64,
    tolerance: f64,
}

impl Best {
    fn offer(&mut self, rate: f64, sse: f64) {
        if sse < self.sse {
            self.rate = Some(rate);
            self.sse = sse - self.tolerance;
        }
    }
}

/// The rate between two at which the slope, falling at the slower, turns: regula falsi in the
/// logarithm of the rate, made to move both ends (the Illinois rule: Dowell and Jarratt, BIT 11,
/// 1971).
fn turning_point(projection: &Projection<'_>, slower: (f64, f64), faster: (f64, f64)) -> f64 {
    let (mut low, mut low_slope) = (slower.0.ln(), slower.1);
    let (mut high, mut high_slope) = (faster.0.ln(), faster.1);
    for _ in 0..60 {
        if high - low < 1e-14 * (1.0 + low.abs()) {
            break;
        }
        let mut middle = low + (high - low) * (low_slope / (low_slope - high_slope));
        if !(middle > low && middle < high) {
            middle = f64::midpoint(low, high);
        }
        let slope = projection.solve(middle.exp()).slope;
        if slope < 0.0 {
            (low, low_slope) = (middle, slope);
            high_slope *= 0.5;
        } else if slope > 0.0 {
            (high, high_slope) = (middle, slope);
            low_slope *= 0.5;
        } else {
            return middle.exp();
        }
    }
    f64::midpoint(low, high).exp()
}
