//! The least sum of squares along one coordinate.

use super::points::Points;

/// The slope of the sum of squares below which it is rounding.
pub(crate) fn tolerance(points: &Points<'_>) -> f64 {
    1e-13 * points.spread()
}

/// The sum of squares at one place and its derivative there.
pub(crate) type Height = (f64, f64);

/// The coordinate in `range` with the least sum of squares.
///
/// Walks in equal steps, so that no minimum wider than a step is missed, and refines each step in
/// which the sum of squares turns from falling to rising. Slopes below `tolerance` are rounding;
/// of equally good places the first is taken.
pub(crate) fn lowest(
    range: (f64, f64),
    steps: usize,
    tolerance: f64,
    mut at: impl FnMut(f64) -> Height,
) -> f64 {
    let (start, end) = range;
    let step = (end - start) / steps as f64;
    let mut best = Best {
        place: start,
        height: f64::INFINITY,
    };
    let (mut before, mut before_slope) = (start, 0.0);
    for index in 0..=steps {
        let here = start + step * index as f64;
        let (height, slope) = at(here);
        best.offer(here, height, tolerance);
        if before_slope < -tolerance && slope > tolerance {
            let turn = turning_point((before, before_slope), (here, slope), &mut at);
            best.offer(turn, at(turn).0, tolerance);
        }
        (before, before_slope) = (here, slope);
    }
    best.place
}

struct Best {
    place: f64,
    height: f64,
}

impl Best {
    fn offer(&mut self, place: f64, height: f64, tolerance: f64) {
        if height < self.height - tolerance || self.height == f64::INFINITY && height.is_finite() {
            (self.place, self.height) = (place, height);
        }
    }
}

/// Where between two places the slope, falling at the first, turns: regula falsi, made to move
/// both ends (the Illinois rule: Dowell and Jarratt, BIT 11, 1971).
pub(crate) fn turning_point(low: Height, high: Height, at: &mut impl FnMut(f64) -> Height) -> f64 {
    let (mut low, mut low_slope) = low;
    let (mut high, mut high_slope) = high;
    for _ in 0..60 {
        if high - low < 1e-13 * (1.0 + low.abs()) {
            break;
        }
        let mut middle = low + (high - low) * (low_slope / (low_slope - high_slope));
        if !(middle > low && middle < high) {
            middle = f64::midpoint(low, high);
        }
        let (_, slope) = at(middle);
        if slope < 0.0 {
            (low, low_slope) = (middle, slope);
            high_slope *= 0.5;
        } else if slope > 0.0 {
            (high, high_slope) = (middle, slope);
            low_slope *= 0.5;
        } else {
            return middle;
        }
    }
    f64::midpoint(low, high)
}
