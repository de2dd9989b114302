//! The paper's policy: stop once the predicted fitness has settled.
//!
//! From observation `c_min` on, each observation gives a prediction of the value at the target
//! epoch from all observations up to it. When the last `window` of them lie within `radius` of
//! their median and are values that the metric can take, the newest is the fitness (Rorabaugh et
//! al., arXiv 2101.04185, section 3.2; PENGUIN, IEEE TPDS 33(11), 2022).
//!
//! The predictions are those that the observations by epoch give, whatever their order of
//! arrival.

mod spec;

use std::sync::Arc;

use crate::fit::{self, Failure};
use crate::metric::Scale;
use crate::policy::{Kind, Peers, Policy, View};
use crate::prediction::{Curve, Interval, Prediction};
use crate::reason::Reason;
use crate::verdict::Decision;
pub use spec::{Axis, Error, Plausible, Spec, Threshold};

/// Above this share of its upper bound, the asymptote counts as being on it: the published
/// code's 199.99 of 200.
const AT_BOUND: f64 = 199.99 / 200.0;

/// The paper's policy at work on one trial.
#[derive(Debug)]
pub struct Rule {
    spec: Spec,
    x: Vec<f64>,
    /// In percent of the metric's range.
    y: Vec<f64>,
    /// The forecasts of the last prefixes of the curve, by their length; at most a window.
    recent: Vec<Forecast>,
    workspace: fit::Workspace,
    /// Room for the window's predictions, sorted.
    sorted: Vec<f64>,
}

/// What the first `points` observations say of the target.
#[derive(Clone, Copy, Debug)]
struct Forecast {
    points: usize,
    curve: Result<(Curve, f64), Failure>,
}

impl Rule {
    /// The policy before the first observation.
    pub fn new(spec: Spec) -> Self {
        let window = spec.window();
        Self {
            spec,
            x: Vec::new(),
            y: Vec::new(),
            recent: Vec::with_capacity(window),
            workspace: fit::Workspace::default(),
            sorted: Vec::with_capacity(window),
        }
    }

    /// Takes over what is new of the curve.
    fn load(&mut self, view: &View<'_>, scale: &Scale) {
        let seen = view.seen.min(self.x.len());
        self.x.truncate(seen);
        self.y.truncate(seen);
        self.recent.retain(|forecast| forecast.points <= seen);
        for (index, observation) in view.curve.iter().enumerate().skip(seen) {
            self.x.push(match self.spec.axis() {
                Axis::ByObservation => (index + 1) as f64,
                Axis::ByEpoch => observation.epoch.get() - self.spec.origin(),
            });
            self.y.push(scale.to_percent(observation.value));
        }
    }

    /// Makes the forecasts of the last prefixes that are not there yet.
    fn forecast(&mut self, view: &View<'_>) {
        let points = self.x.len();
        let window = self.spec.window();
        let oldest = self.spec.c_min().max((points + 1).saturating_sub(window));
        self.recent.retain(|forecast| forecast.points >= oldest);
        let next = self.recent.last().map_or(oldest, |last| last.points + 1);
        for points in next..=points {
            let at = self.target(view, points);
            let curve = fit::fit_in(
                &mut self.workspace,
                self.spec.family(),
                &self.x[..points],
                &self.y[..points],
            )
            .and_then(|curve| {
                let value = curve.value(at);
                if value.is_finite() {
                    Ok((curve, value))
                } else {
                    Err(Failure::Overflow)
                }
            });
            self.recent.push(Forecast { points, curve });
        }
    }

    /// The target's x, as the first `points` observations place it.
    fn target(&self, view: &View<'_>, points: usize) -> f64 {
        let target = view.settings.target.get();
        match self.spec.axis() {
            Axis::ByEpoch => target - self.spec.origin(),
            Axis::ByObservation => {
                let epoch = |index: usize| view.curve[index].epoch.get();
                let (first, last) = (epoch(0), epoch(points - 1));
                let spacing = (last - first) / (points - 1) as f64;
                points as f64 + (target - last) / spacing
            }
        }
    }

    fn prediction(&self, view: &View<'_>, scale: &Scale, curve: Curve, percent: f64) -> Prediction {
        let fitness = scale.to_value(percent);
        let at = self.target(view, curve.points);
        let half = fit::half_width(&curve, &self.x[..curve.points], at);
        let interval = |half: f64, level: f64| {
            let ends = [percent - half, percent + half].map(|percent| scale.to_value(percent));
            ends.iter().all(|end| end.is_finite()).then(|| Interval {
                lower: ends[0].min(ends[1]),
                upper: ends[0].max(ends[1]),
                level,
            })
        };
        let share_50 = fit::share_50(curve.points.saturating_sub(curve.parameters.len()).max(1));
        Prediction {
            fitness,
            interval: half.and_then(|half| interval(half, fit::LEVEL)),
            interval_50: half.and_then(|half| interval(half * share_50, 0.5)),
            widening: None,
            curve: Some(curve),
        }
    }

    /// The usable predictions at the end of the window, into `sorted`; newest last in time.
    fn collect(&mut self) {
        self.sorted.clear();
        for forecast in self.recent.iter().rev() {
            match forecast.curve {
                Ok((curve, value)) if !(self.spec.clear_at_bound() && is_at_bound(&curve)) => {
                    self.sorted.push(value);
                }
                _ => break,
            }
        }
        self.sorted.sort_by(f64::total_cmp);
    }

    fn is_plausible(&self, newest: f64) -> bool {
        match self.spec.plausible() {
            Plausible::Newest => newest > 0.0 && newest <= 100.0,
            Plausible::Window => self
                .sorted
                .iter()
                .all(|value| (0.0..=100.0).contains(value)),
        }
    }

    fn judge(&mut self, newest: f64) -> (bool, Reason) {
        self.collect();
        let window = self.spec.window();
        let radius = match self.spec.threshold() {
            Threshold::Absolute => self.spec.radius(),
            Threshold::Relative => self.spec.radius() / 100.0 * median(&self.sorted).abs(),
        };
        let radius = if radius.is_finite() { radius } else { 0.0 };
        let predictions = self.sorted.len();
        let in_range = self.is_plausible(newest);
        let spread = (predictions == window).then(|| spread(&self.sorted));
        match spread {
            Some(spread) if in_range && spread <= radius => (
                true,
                Reason::Converged {
                    window,
                    spread,
                    radius,
                },
            ),
            _ => (
                false,
                Reason::Unsettled {
                    predictions,
                    window,
                    spread,
                    radius,
                    in_range,
                },
            ),
        }
    }
}

impl Kind for Spec {
    fn open(&self) -> Arc<dyn Peers> {
        Arc::new(self.clone())
    }

    /// After an observation that fills a gap at the start, every fit of the window is made anew.
    fn points_fitted(&self, observations: usize) -> usize {
        self.window().min(observations) * observations
    }
}

impl Peers for Spec {
    fn join(&self, _trial: u64) -> Box<dyn Policy> {
        Box::new(Rule::new(self.clone()))
    }
}

impl Policy for Rule {
    fn decide(&mut self, view: &View<'_>) -> Decision {
        let scale = view.settings.scale();
        self.load(view, &scale);
        self.forecast(view);
        let decision = self.conclude(view, &scale);
        let stalled = self
            .spec
            .never_learns_epochs()
            .and_then(|epochs| stalled(view, epochs));
        match stalled {
            Some(value) if !decision.is_stop() => {
                let prediction = decision.prediction.unwrap_or_else(|| view.persistence());
                Decision::stop(Reason::NeverLearns { value }, Some(prediction))
            }
            _ => decision,
        }
    }
}

impl Rule {
    /// What the forecasts say.
    fn conclude(&mut self, view: &View<'_>, scale: &Scale) -> Decision {
        let Some(newest) = self.recent.last() else {
            let reason = Reason::TooFewObservations {
                observations: self.x.len(),
                needed: self.spec.c_min(),
            };
            return Decision::go_on(reason, None);
        };
        let (curve, percent) = match newest.curve {
            Ok(newest) => newest,
            Err(why) => return Decision::go_on(Reason::NoFit { why }, None),
        };
        let prediction = Some(self.prediction(view, scale, curve, percent));
        match self.judge(percent) {
            (true, reason) => Decision::stop(reason, prediction),
            (false, reason) => Decision::go_on(reason, prediction),
        }
    }
}

/// Whether the family's asymptote is at its upper bound.
fn is_at_bound(curve: &Curve) -> bool {
    let family = curve.family.family();
    family.asymptote().is_some_and(|index| {
        let (upper, value) = (family.parameters()[index].upper, curve.parameters[index]);
        value >= upper * AT_BOUND
    })
}

/// The median of sorted values; zero of none.
fn median(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        length => f64::midpoint(sorted[half], sorted[length - 1 - half]),
    }
}

/// The largest distance of sorted values from their median.
fn spread(sorted: &[f64]) -> f64 {
    let (median, last) = (median(sorted), sorted.len() - 1);
    (sorted[last] - median).max(median - sorted[0])
}

/// The best value of the curve, if it is at least `epochs` old.
fn stalled(view: &View<'_>, epochs: f64) -> Option<f64> {
    let goal = view.settings.goal;
    let (first, rest) = view.curve.split_first()?;
    let best = rest.iter().fold(first, |best, point| {
        if goal.score(point.value) > goal.score(best.value) {
            point
        } else {
            best
        }
    });
    let age = view.last().epoch.get() - best.epoch.get();
    (age >= epochs).then_some(best.value)
}
