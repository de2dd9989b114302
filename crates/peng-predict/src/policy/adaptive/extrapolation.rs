//! What the curve alone says about its end: a prediction of its own while there are no trials to
//! compare it with, and one of the features by which it is compared.

use crate::family::Name;
use crate::fit::{self, Workspace};
use crate::policy::View;
use crate::prediction::{Curve, Interval, Prediction};

/// The families, both of three parameters: the one that fits better counts.
pub(super) const FAMILIES: [Name; 2] = [Name::Exp, Name::Pow3];

/// The families of [`Blend`] and their parameters: from those that stop rising soonest to those
/// that never do.
const BLENDED: [(Name, f64); 4] = [
    (Name::Exp, 3.0),
    (Name::Pow3, 3.0),
    (Name::Ilog2, 2.0),
    (Name::Log2, 2.0),
];
/// Fewer points are not extrapolated.
const LEAST_POINTS: usize = 3;
/// A longer curve is thinned to so many points, which bounds the cost of a decision.
const MOST_POINTS: usize = 32;
/// Errors below this share of a curve's spread are rounding.
const ROUNDING: f64 = 1e-2;

/// The extrapolations of several families, weighed by evidence.
#[derive(Debug, Default)]
pub(super) struct Blend {
    fits: Workspace,
    x: Vec<f64>,
    y: Vec<f64>,
}

impl Blend {
    /// The score at the target by the first `length` observations: the mean of the families'
    /// values weighed by `exp(-BIC / 2)` (Schwarz 1978), each held within one spread of the curve
    /// from the values seen. None for fewer than three points or where nothing fits.
    pub(super) fn score(&mut self, view: &View<'_>, length: usize) -> Option<f64> {
        if length < LEAST_POINTS {
            return None;
        }
        let scale = view.settings.scale();
        let stride = length.div_ceil(MOST_POINTS);
        self.x.clear();
        self.y.clear();
        for point in view.curve[..length]
            .iter()
            .skip((length - 1) % stride)
            .step_by(stride)
        {
            self.x.push(point.epoch.get());
            self.y.push(scale.to_percent(point.value));
        }
        let lower = self.y.iter().copied().fold(f64::INFINITY, f64::min);
        let upper = self.y.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let spread = upper - lower;
        let points = self.x.len() as f64;
        let rounding = (ROUNDING * spread).powi(2).max(f64::MIN_POSITIVE);
        let at = view.settings.target.get();
        let mut found = [(f64::INFINITY, 0.0); BLENDED.len()];
        for ((family, parameters), found) in BLENDED.into_iter().zip(&mut found) {
            let Ok(curve) = fit::fit_in(&mut self.fits, family, &self.x, &self.y) else {
                continue;
            };
            let value = curve.value(at);
            if value.is_finite() {
                let error = (curve.sse / points + rounding).ln();
                let evidence = points * error + (parameters + 1.0) * points.ln();
                *found = (evidence, value.clamp(lower - spread, upper + spread));
            }
        }
        let best = found
            .iter()
            .map(|(bic, _)| *bic)
            .fold(f64::INFINITY, f64::min);
        if !best.is_finite() {
            return None;
        }
        let weight = |bic: f64| (-0.5 * (bic - best)).exp();
        let mass: f64 = found.iter().map(|(bic, _)| weight(*bic)).sum();
        let sum: f64 = found.iter().map(|(bic, value)| weight(*bic) * value).sum();
        Some(view.settings.goal.score(scale.to_value(sum / mass)))
    }
}

/// The extrapolation of the better fit, held to the metric's range; the last value where nothing
/// fits.
pub(super) fn of(view: &View<'_>, workspace: &mut Workspace) -> Prediction {
    let scale = view.settings.scale();
    let x: Vec<f64> = view.curve.iter().map(|point| point.epoch.get()).collect();
    let y: Vec<f64> = view
        .curve
        .iter()
        .map(|point| scale.to_percent(point.value))
        .collect();
    let at = view.settings.target.get();
    let fits = FAMILIES
        .iter()
        .filter_map(|&family| fit::fit_in(workspace, family, &x, &y).ok())
        .filter(|curve| curve.value(at).is_finite());
    let Some(curve) = fits.min_by(|a, b| a.sse.total_cmp(&b.sse)) else {
        return view.persistence();
    };
    let to_value = |percent: f64| scale.to_value(percent.clamp(0.0, 100.0));
    let percent = curve.value(at);
    let half = fit::half_width(&curve, &x, at);
    let interval = |half: f64, level: f64| {
        let ends = [percent - half, percent + half].map(to_value);
        Interval {
            lower: ends[0].min(ends[1]),
            upper: ends[0].max(ends[1]),
            level,
        }
    };
    Prediction {
        fitness: to_value(percent),
        interval: half.map(|half| interval(half, fit::LEVEL)),
        interval_50: half.map(|half| interval(half * fit::share_50(freedom(&curve)), 0.5)),
        widening: None,
        curve: Some(curve),
    }
}

fn freedom(curve: &Curve) -> usize {
    curve.points.saturating_sub(curve.parameters.len()).max(1)
}
