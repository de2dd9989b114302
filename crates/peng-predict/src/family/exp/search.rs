//! The decay rate with the least sum of squares, over all rates.

use super::projection::{Decay, LANES, Projection};

/// The slowest decay looked at, over the whole curve. With `a <= 200` a slower one is flat to
/// 2e-4 points.
const SLOWEST: f64 = 1e-6;
/// The fastest decay looked at, over the first gap: what is left of the exponential at the second
/// point is below the resolution of an `f64`.
const FASTEST: f64 = 40.0;
/// The largest `ln b` for which `b` is finite with room to spare.
const LARGEST: f64 = 700.0;
/// Below this decay over the whole curve, a curve is a line bent so little that the sum of
/// squares changes its course only slowly: steps are fourfold there.
const NEARLY_STRAIGHT: f64 = 0.05;
/// Slopes and differences below this share of the values' spread are rounding.
const ROUNDING: f64 = 1e-13;
/// A step of the refinement, in the logarithm of the rate, that leads to its end: each step is
/// wrong by about the product of the two before it.
const LAST_STEP: f64 = 1e-7;
/// How far beyond it the slope is looked at.
const PROBE: f64 = 1e-6;

/// The decay rate of the best curve, or none if no curve is better than the best constant, which
/// has the sum of squares `flat`. Of equally good rates the slowest: it promises the most, so
/// that the least is concluded from it.
///
/// Walks over the rates in steps of the square root of two, small against the width of any
/// minimum, and refines around each that is as low as its neighbours.
pub(super) fn best(projection: &Projection<'_>, flat: f64) -> Option<f64> {
    let fastest = (FASTEST / projection.first_gap()).min(LARGEST);
    let tolerance = ROUNDING * projection.spread();
    let mut best = Best {
        rate: None,
        sse: flat - tolerance,
        tolerance,
    };
    let mut walk = Walk::new(projection, fastest);
    // The last two places: rate and height.
    let (mut before, mut there) = ((0.0, f64::INFINITY), (0.0, f64::INFINITY));
    let mut ahead = walk.nearly_straight();
    loop {
        for here in ahead {
            if there.1 <= before.1 && there.1 <= here.1 {
                refine(projection, &mut best, [before, there, here]);
            }
            (before, there) = (there, here);
        }
        if there.0 >= fastest {
            break;
        }
        ahead = walk.block();
    }
    if there.1 < before.1 {
        best.offer(there.0, there.1);
    }
    best.rate
}

type Place = (f64, f64);

/// The rates of the walk, a block at a time.
struct Walk<'a> {
    projection: &'a Projection<'a>,
    fastest: f64,
    /// The next decays, half a doubling apart.
    next: [Decay; 2],
}

impl<'a> Walk<'a> {
    fn new(projection: &'a Projection<'a>, fastest: f64) -> Self {
        let slowest = NEARLY_STRAIGHT / projection.length();
        let next = [slowest, slowest * std::f64::consts::SQRT_2];
        Self {
            projection,
            fastest,
            next: next.map(|rate| projection.decay(rate)),
        }
    }

    /// The first rates and their heights.
    fn nearly_straight(&self) -> [Place; LANES] {
        let mut decay = self
            .projection
            .decay((SLOWEST / self.projection.length()).min(self.fastest));
        self.heights(std::array::from_fn(|_| {
            let here = decay;
            if 4.0 * decay.rate < self.fastest {
                decay = decay.doubled().doubled();
            }
            here
        }))
    }

    /// The next rates and their heights; the fastest over and over at the end.
    fn block(&mut self) -> [Place; LANES] {
        let decays = std::array::from_fn(|lane| {
            let next = &mut self.next[lane % 2];
            let here = *next;
            if here.rate < self.fastest {
                *next = here.doubled();
                here
            } else {
                self.projection.decay(self.fastest)
            }
        });
        self.heights(decays)
    }

    fn heights(&self, decays: [Decay; LANES]) -> [Place; LANES] {
        let heights = self.projection.heights(&decays);
        std::array::from_fn(|lane| (decays[lane].rate, heights[lane]))
    }
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

/// Offers the lowest rate around the middle one of three, of which no other is lower.
fn refine(projection: &Projection<'_>, best: &mut Best, places: [Place; 3]) {
    let [before, (rate, height), after] = places;
    let here = Spot::at(projection, rate.ln(), rate);
    let other = if here.slope > 0.0 { before.0 } else { after.0 };
    let other = Spot::at(projection, other.ln(), other);
    let tolerance = best.tolerance;
    let found = match (here.slope > tolerance, here.slope < -tolerance) {
        (true, _) if other.slope < 0.0 => Some((other, here)),
        (_, true) if other.slope > 0.0 => Some((here, other)),
        _ => None,
    };
    if let Some((slower, faster)) = found {
        let (turn, sse) = turning_point(projection, slower, faster);
        best.offer(turn, sse);
    }
    best.offer(rate, height);
}

/// The sum of squares at the logarithm of a rate, and its derivative by it.
#[derive(Clone, Copy)]
struct Spot {
    log_rate: f64,
    sse: f64,
    slope: f64,
}

impl Spot {
    fn at(projection: &Projection<'_>, log_rate: f64, rate: f64) -> Self {
        let (curve, slope) = projection.solve_with_slope(rate);
        Self {
            log_rate,
            sse: curve.sse,
            slope,
        }
    }
}

/// Where a cubic with the heights and the slopes of two places is lowest between them.
fn cubic(low: Spot, high: Spot) -> f64 {
    let width = high.log_rate - low.log_rate;
    let bend = low.slope + high.slope - 3.0 * (high.sse - low.sse) / width;
    let root = (bend * bend - low.slope * high.slope).sqrt();
    high.log_rate - width * (high.slope + root - bend) / (high.slope - low.slope + 2.0 * root)
}

/// The rate between two at which the slope, falling at the slower, turns, and the sum of squares
/// next to it: from where a cubic turns by regula falsi in the logarithm of the rate, made to move
/// both ends (the Illinois rule: Dowell and Jarratt, BIT 11, 1971).
fn turning_point(projection: &Projection<'_>, slower: Spot, faster: Spot) -> (f64, f64) {
    let slope_at = |log_rate: f64| Spot::at(projection, log_rate, log_rate.exp());
    let (mut low, mut low_slope) = (slower.log_rate, slower.slope);
    let (mut high, mut high_slope) = (faster.log_rate, faster.slope);
    let mut last = f64::INFINITY;
    let mut next = cubic(slower, faster);
    for _ in 0..60 {
        let mut middle = next;
        if !(middle > low && middle < high) {
            middle = f64::midpoint(low, high);
        }
        if (middle - last).abs() < LAST_STEP {
            // Small steps may also be slow ones: the end is near if the slope turns just beyond.
            let rises = high.to_bits() == last.to_bits();
            let beyond = slope_at(middle + if rises { -PROBE } else { PROBE });
            let outside = beyond.log_rate <= low || beyond.log_rate >= high;
            if (beyond.slope < 0.0) == rises || outside {
                return (middle.exp(), beyond.sse);
            }
            if rises {
                (high, high_slope) = (beyond.log_rate, beyond.slope);
            } else {
                (low, low_slope) = (beyond.log_rate, beyond.slope);
            }
            middle = f64::midpoint(low, high);
        }
        last = middle;
        let here = slope_at(middle);
        if here.slope < 0.0 {
            (low, low_slope) = (middle, here.slope);
            high_slope *= 0.5;
        } else if here.slope > 0.0 {
            (high, high_slope) = (middle, here.slope);
            low_slope *= 0.5;
        } else {
            return (middle.exp(), here.sse);
        }
        next = low + (high - low) * (low_slope / (low_slope - high_slope));
    }
    let middle = f64::midpoint(low, high);
    (middle.exp(), slope_at(middle).sse)
}
