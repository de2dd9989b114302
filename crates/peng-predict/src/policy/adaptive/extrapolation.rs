//! What the curve alone says about its end, while there are no trials to compare it with.

use crate::family::Name;
use crate::fit::{self, Workspace};
use crate::policy::View;
use crate::prediction::{Curve, Interval, Prediction};

/// The families, both of three parameters: the one that fits better counts.
const FAMILIES: [Name; 2] = [Name::Exp, Name::Pow3];

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
        curve: Some(curve),
    }
}

fn freedom(curve: &Curve) -> usize {
    curve.points.saturating_sub(curve.parameters.len()).max(1)
}
