//! The decay rate with the least sum of squares, over all rates.

use std::{
    cmp::Ordering,
    f64::consts::{FRAC_1_SQRT_2, SQRT_2},
};

use super::projection::{Decay, LANES, Projection};

/// The slowest decay looked at, over the whole curve. With `a <= 200` a slower one is flat to
/// 2e-4 points.
const SLOWEST: f64 = 1e-6;
/// The fastest decay looked at, over the first gap and over the x before it: what is left of the
/// exponential at the second point, and of the least `k`, is below the resolution of an `f64`.
const FASTEST: f64 = 40.0;
/// The largest `ln b` for which `b` is finite with room to spare.
const LARGEST: f64 = 700.0;
/// Below this decay over the whole curve, a curve is a line bent so little that the sum of
/// squares changes its course only slowly: steps are fourfold there.
const NEARLY_STRAIGHT: f64 = 0.05;
/// Slopes and differences below this share of the values' spread are rounding.
const ROUNDING: f64 = 1e-13;
/// Where a second look is taken around the best rate, as parts of it: neighbours are a third of a
/// doubling apart.
const AROUND: [f64; LANES] = [
    0.445_449_359_070_17,
    0.561_231_024_154_687,
    FRAC_1_SQRT_2,
    0.890_898_718_140_339,
    1.122_462_048_309_373,
    SQRT_2,
    1.781_797_436_280_679,
    2.244_924_096_618_746,
];
/// How close the refinement comes to the best logarithm of the rate.
const LAST_STEP: f64 = 2e-7;
/// How often the space between two steps of the walk is halved for a place where the slope turns.
const MOST_HALVES: usize = 20;
/// More steps than halving alone needs to come as close.
const MOST_STEPS: usize = 60;

/// The decay rate of the best curve, or none if no curve is better than the best constant, which
/// has the sum of squares `flat`. Of equally good rates the slowest: it promises the most, so
/// that the least is concluded from it.
///
/// Walks over the rates in steps of the square root of two and refines around each that is as low
/// as its neighbours, and where the course goes flat of a sudden: there the least `k` can make a
/// minimum narrower than a step.
pub(super) fn best(projection: &Projection<'_>, flat: f64) -> Option<f64> {
    let fastest = (FASTEST / projection.shortest()).min(LARGEST);
    let tolerance = ROUNDING * projection.spread();
    let mut best = Best {
        rate: None,
        sse: flat - tolerance,
        tolerance,
    };
    let mut walk = Walk::new(projection, fastest);
    // The last three places: rate and height.
    let [mut long, mut before, mut there] = [(0.0, f64::INFINITY); 3];
    let mut ahead = walk.nearly_straight();
    loop {
        for here in ahead {
            if there.1 <= before.1 && there.1 <= here.1 {
                refine(projection, &mut best, [before, there, here]);
            } else if is_shoulder([long, before, there, here], tolerance) {
                look_between(projection, &mut best, [long, before, there, here]);
            }
            (long, before, there) = (before, there, here);
        }
        if there.0 >= fastest {
            break;
        }
        ahead = walk.block();
    }
    if there.1 < before.1 {
        best.offer(there.0, there.1);
    }
    look_around(projection, &mut best, fastest);
    best.rate
}

/// Offers the other minima within a factor of two of the best rate: unevenly spaced points can make
/// two within two steps.
fn look_around(projection: &Projection<'_>, best: &mut Best, fastest: f64) {
    let Some(centre) = best.rate else { return };
    let rates = AROUND.map(|factor| (centre * factor).min(fastest));
    let heights = projection.heights(&rates.map(|rate| projection.decay(rate)));
    // Next to the best is nothing, unless it is lower.
    let middle = (centre, best.sse);
    let places: [Place; LANES + 1] = std::array::from_fn(|place| match place.cmp(&(LANES / 2)) {
        Ordering::Less => (rates[place], heights[place]),
        Ordering::Equal => middle,
        Ordering::Greater => (rates[place - 1], heights[place - 1]),
    });
    for (place, three) in (1..).zip(places.windows(3)) {
        let [before, there, after] = [three[0], three[1], three[2]];
        if place != LANES / 2 && there.1 <= before.1 && there.1 <= after.1 {
            refine(projection, best, [before, there, after]);
        }
    }
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
        let next = [slowest, slowest * SQRT_2];
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

/// Whether the course goes on in one direction and is flatter in the middle than where it would
/// level off evenly.
fn is_shoulder(places: [Place; 4], tolerance: f64) -> bool {
    let [before, middle, after] = std::array::from_fn(|step| places[step + 1].1 - places[step].1);
    before * after > 2.0 * middle * middle
        && before.abs().min(after.abs()) > tolerance
        && before.is_finite()
}

/// Offers the lowest rates between neighbours of which the slower falls and the faster rises, and
/// between those that fall, or rise, both but where a cubic between them is flattest.
fn look_between(projection: &Projection<'_>, best: &mut Best, places: [Place; 4]) {
    let mut offer = |slower: Spot, faster: Spot| {
        if slower.slope < -best.tolerance && faster.slope > best.tolerance {
            let (turn, sse) = turning_point(projection, slower, faster);
            best.offer(turn, sse);
        }
    };
    let spots = places.map(|(rate, _)| Spot::at(projection, rate.ln(), rate));
    for pair in spots.windows(2) {
        let (slower, faster) = (pair[0], pair[1]);
        if slower.slope * faster.slope > 0.0
            && let Some(log_rate) = flattest(slower, faster)
        {
            let middle = Spot::at(projection, log_rate, log_rate.exp());
            offer(slower, middle);
            offer(middle, faster);
        } else {
            offer(slower, faster);
        }
    }
}

/// Offers the lowest rate around the middle one of three, of which no other is lower.
fn refine(projection: &Projection<'_>, best: &mut Best, places: [Place; 3]) {
    let [before, (rate, height), after] = places;
    let here = Spot::at(projection, rate.ln(), rate);
    let other = if here.slope > 0.0 { before.0 } else { after.0 };
    let other = Spot::at(projection, other.ln(), other);
    if here.slope.abs() > best.tolerance
        && let Some((slower, faster)) = bracket(projection, here, other)
    {
        let (turn, sse) = turning_point(projection, slower, faster);
        best.offer(turn, sse);
    }
    best.offer(rate, height);
}

/// Two places between which the slope, falling at the slower, turns, out of a place and one that
/// is not lower, towards which it falls.
fn bracket(projection: &Projection<'_>, here: Spot, other: Spot) -> Option<(Spot, Spot)> {
    let (mut here, mut other) = (here, other);
    for _ in 0..MOST_HALVES {
        if here.slope > 0.0 && other.slope < 0.0 {
            return Some((other, here));
        }
        if here.slope < 0.0 && other.slope > 0.0 {
            return Some((here, other));
        }
        let log_rate = f64::midpoint(here.log_rate, other.log_rate);
        let middle = Spot::at(projection, log_rate, log_rate.exp());
        if middle.sse < here.sse && (middle.slope < 0.0) == (here.slope < 0.0) {
            here = middle;
        } else {
            other = middle;
        }
    }
    None
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

/// Where a cubic with the heights and the slopes of two places, both falling or both rising, is
/// flattest between them, if it is flatter there than at both.
fn flattest(slower: Spot, faster: Spot) -> Option<f64> {
    let width = faster.log_rate - slower.log_rate;
    let mean = (faster.sse - slower.sse) / width;
    // The slope of the cubic is slower.slope + 2 turn s + 3 bend s^2 at a share s of the way.
    let turn = 3.0 * mean - 2.0 * slower.slope - faster.slope;
    let bend = slower.slope + faster.slope - 2.0 * mean;
    let share = -turn / (3.0 * bend);
    let towards_zero = bend * slower.slope > 0.0;
    (towards_zero && 0.0 < share && share < 1.0).then_some(slower.log_rate + share * width)
}

/// Where a cubic with the heights and the slopes of two places is lowest between them.
fn cubic(low: Spot, high: Spot) -> f64 {
    let width = high.log_rate - low.log_rate;
    let bend = low.slope + high.slope - 3.0 * (high.sse - low.sse) / width;
    let root = (bend * bend - low.slope * high.slope).sqrt();
    high.log_rate - width * (high.slope + root - bend) / (high.slope - low.slope + 2.0 * root)
}

/// The rate between two at which the slope, falling at the slower, turns, and the sum of squares
/// there: from where a cubic turns by inverse quadratic interpolation in the logarithm of the
/// rate, or by halves where three slopes do not bend evenly, as next to a bound of `a` or `k`
/// (Chandrupatla, Adv. Eng. Softw. 28(3), 1997).
fn turning_point(projection: &Projection<'_>, slower: Spot, faster: Spot) -> (f64, f64) {
    let (mut newest, mut across) = (slower, faster);
    let width = |from: Spot, to: Spot| to.log_rate - from.log_rate;
    let mut share = (cubic(slower, faster) - slower.log_rate) / width(slower, faster);
    if !(0.0..=1.0).contains(&share) {
        share = 0.5;
    }
    for _ in 0..MOST_STEPS {
        let log_rate = newest.log_rate + share * width(newest, across);
        let here = Spot::at(projection, log_rate, log_rate.exp());
        let before = if (here.slope < 0.0) == (newest.slope < 0.0) {
            newest
        } else {
            std::mem::replace(&mut across, newest)
        };
        newest = here;
        let least = LAST_STEP / width(newest, across).abs();
        if least >= 0.5 || here.slope == 0.0 {
            break;
        }
        share = interpolated(newest, across, before).clamp(least, 1.0 - least);
    }
    // A line through the two slopes is as good as another step, and costs nothing.
    let turn = newest.slope / (newest.slope - across.slope);
    let log_rate = newest.log_rate + turn * width(newest, across);
    (log_rate.exp(), newest.sse.min(across.sse))
}

/// The share of the way from the newest place to that across the turn at which a quadratic through
/// the slopes of three places is zero, or a half where such a quadratic is not to be trusted.
fn interpolated(newest: Spot, across: Spot, before: Spot) -> f64 {
    let xi = (newest.log_rate - across.log_rate) / (before.log_rate - across.log_rate);
    let phi = (newest.slope - across.slope) / (before.slope - across.slope);
    if phi * phi < xi && (1.0 - phi) * (1.0 - phi) < 1.0 - xi {
        let [f1, f2, f3] = [newest.slope, across.slope, before.slope];
        let reach = (before.log_rate - newest.log_rate) / (across.log_rate - newest.log_rate);
        f1 / (f2 - f1) * f3 / (f2 - f3) + reach * f1 / (f3 - f1) * f2 / (f3 - f2)
    } else {
        0.5
    }
}
