//! A few trainings that can be told apart, the best among them.

use std::ops::Range;

use peng_predict::{Epoch, Goal, Observation, ValueRange, replay::Trial};

use crate::evaluate::replays::Run;

/// How many of the best and of the others are shown.
const BEST: usize = 4;
const OTHERS: usize = 10;

/// Trainings of a replay, the truly best first.
pub(super) struct Sample<'a> {
    pub(super) trainings: Vec<Training<'a>>,
}

/// A training and what became of it.
pub(super) struct Training<'a> {
    /// Finite, up to the target epoch.
    pub(super) points: Vec<Observation>,
    /// How many of them were trained.
    pub(super) used: usize,
    pub(super) trial: &'a Trial,
    /// Whether it is among the true best.
    pub(super) best: bool,
}

impl<'a> Sample<'a> {
    /// Some of the true best fraction and some of the others, evenly by rank.
    pub(super) fn new(run: &'a Run<'_>, goal: Goal, best: f64) -> Self {
        let mut ranked: Vec<&Trial> = run.replay.trials.iter().collect();
        ranked.sort_by(|a, b| goal.score(b.truth).total_cmp(&goal.score(a.truth)));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of their number"
        )]
        let count = (ranked.len() as f64 * best).round() as usize;
        let (best, others) = ranked.split_at(count.clamp(1, ranked.len()));
        let shown = |trials: &[&'a Trial], most: usize, best: bool| {
            let places = evenly(trials.len(), most);
            places
                .map(|place| Training::new(run, trials[place], best))
                .collect::<Vec<_>>()
        };
        let mut trainings = shown(best, BEST, true);
        trainings.extend(shown(others, OTHERS, false));
        Self { trainings }
    }

    /// The values of all that is shown, but for intervals, with some room.
    pub(super) fn values(&self, range: ValueRange) -> Range<f64> {
        let mut values: Vec<f64> = Vec::new();
        for training in &self.trainings {
            values.extend(training.points.iter().map(|point| point.value));
            values.extend([training.trial.reported, training.trial.truth]);
        }
        values.sort_by(f64::total_cmp);
        let (Some(&lower), Some(&upper)) = (values.first(), values.last()) else {
            return range.lower()..range.upper();
        };
        let room = 0.05 * (upper - lower).max((range.upper() - range.lower()) / 100.0);
        (lower - room).max(range.lower() - room)..(upper + room).min(range.upper() + room)
    }
}

impl<'a> Training<'a> {
    fn new(run: &Run<'_>, trial: &'a Trial, best: bool) -> Self {
        let all = &run.group.curves[trial.curve].observations;
        let end: Option<Epoch> = all.get(trial.observations - 1).map(|last| last.epoch);
        let points: Vec<Observation> = all
            .iter()
            .filter(|point| point.epoch <= run.group.target && point.value.is_finite())
            .copied()
            .collect();
        let used = points.partition_point(|point| Some(point.epoch) <= end);
        Self {
            points,
            used,
            trial,
            best,
        }
    }
}

/// At most so many of the numbers below `count`, the first and the last among them.
fn evenly(count: usize, most: usize) -> impl Iterator<Item = usize> {
    let shown = count.min(most);
    (0..shown).map(move |place| match shown {
        1 => 0,
        _ => place * (count - 1) / (shown - 1),
    })
}
