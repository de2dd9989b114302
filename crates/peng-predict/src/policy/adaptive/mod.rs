//! Stop a trial that is too unlikely to end among the best, or surely is one of them and is known
//! well enough, as far as the trials before it tell.
//!
//! ```text
//! curve -> features -> the remembered trials at the same cell -> local regression of their finals
//!       -> its residuals -> predictive distribution -> probability of being best -> verdict
//! ```
//!
//! - A stop is worth it if the chance of losing one of the best is low for the share of the
//!   training that it saves, and so is the error of the fitness that it reports. Both are budgets:
//!   what stops have cost is added, and what is left bounds the next one's cost. No more than the
//!   share `risk` of the best is lost in expectation, and reports are off by `tolerance`.
//! - Stopping depends on the curve so far alone, so that the finals of stopped trials are missing
//!   at random given it (Rubin, Biometrika 63, 1976): a stopped trial is remembered with its
//!   prediction, and one draw from it as its outcome. It counts for no more than was seen of it
//!   after the epoch in question, so that guesses do not confirm each other.
//! - What is unlike everything before may end anywhere: the less is known of curves like it, the
//!   more of its distribution is that of all trials, and an interval that is wide keeps it going.
//! - Some trials are never stopped; what was predicted for them when they would have been shows
//!   how far intervals can be trusted, and they are widened by it.
//! - A trial whose learning rate drops in steps that it declares is compared with others at like
//!   places, as long after the same step; before a step it is stopped only by those
//!   that had theirs.
//!
//! A trial is judged at its first observation in each of 74 cells of the epochs up to the target,
//! each a tenth longer than the one before. What is remembered of a prediction comes from the
//! decision that was given and from what was remembered then, so that a rebuilt experiment goes on
//! as if it had not been interrupted.

mod alignment;
mod calibration;
mod draw;
mod extrapolation;
mod features;
mod finals;
mod memory;
mod novelty;
mod outlook;
mod regression;
mod spec;
mod walk;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::alignment::Stages;
use self::calibration::Given;
use self::memory::{Cost, Memory, Place};
use self::outlook::{LEAST_NEIGHBOURS, Outlook};
use self::walk::{Walk, cell_of, is_first, share_of};
use super::{Calibration, Kind, Policy, View};
use crate::experiment::{Mode, Settings};
use crate::fit;
use crate::prediction::{Interval, Prediction};
use crate::reason::Reason;
use crate::verdict::Decision;
pub use spec::{Error, Spec};

/// Without a given accuracy: this share of the width of the metric's range is close enough,
const ACCURACY_OF_RANGE: f64 = 0.005;
/// and no more than this share of the spread of the finals, for a range may be much wider than
/// what occurs.
const ACCURACY_OF_SPREAD: f64 = 0.05;
/// Without a given tolerance: this share of the width of the metric's range,
const TOLERANCE_OF_RANGE: f64 = 0.0425;
/// and no more than this share of what curves span of it,
const TOLERANCE_OF_SPAN: f64 = 0.08;
/// nor than so many times the spread of the finals: losses begin far above where they end.
const TOLERANCE_OF_SPREAD: f64 = 3.0;
/// Most stops cost far less than they may, so that one may cost so many times what would be spent
/// if all cost as much, as long as that is not spent yet.
const BOLDNESS: f64 = 3.0;
/// Errors below this share of the range are rounding.
const ROUNDING: f64 = 1e-12;
/// Nothing is stopped by fewer observations: one has no trend.
const LEAST_OBSERVATIONS: usize = 2;
/// Least chance of being among the best with which a trial is stopped because it is known.
const KNOWN_BEST: f64 = 0.5;
/// Least effective number of residuals for that.
const KNOWN_SUPPORT: f64 = 5.0;

/// The trials of an experiment.
#[derive(Debug)]
pub(super) struct Peers {
    spec: Spec,
    memory: Arc<Mutex<Memory>>,
}

impl Peers {
    pub(super) fn new(spec: Spec) -> Self {
        let memory = Memory::new(spec.best_fraction());
        Self {
            spec,
            memory: Arc::new(Mutex::new(memory)),
        }
    }
}

impl Kind for Spec {
    fn open(&self) -> Arc<dyn super::Peers> {
        Arc::new(Peers::new(self.clone()))
    }

    fn compares_trials(&self) -> bool {
        true
    }

    /// Those of the extrapolation while there is nothing to compare with; the others are thinned.
    fn points_fitted(&self, observations: usize) -> usize {
        extrapolation::FAMILIES.len() * observations
    }
}

impl super::Peers for Peers {
    fn join(&self, trial: u64) -> Box<dyn Policy> {
        Box::new(Rule {
            trial,
            is_explored: draw::is_explored(trial, self.spec.explore()),
            spec: self.spec.clone(),
            memory: Arc::clone(&self.memory),
            walk: Walk::new(self.spec.families()),
            workspace: fit::Workspace::default(),
        })
    }

    fn calibration(&self) -> Option<Calibration> {
        Some(Calibration {
            risk: self.spec.risk(),
            ..*lock(&self.memory).experience().account()
        })
    }
}

fn lock(memory: &Mutex<Memory>) -> MutexGuard<'_, Memory> {
    memory.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
struct Rule {
    trial: u64,
    is_explored: bool,
    spec: Spec,
    memory: Arc<Mutex<Memory>>,
    walk: Walk,
    workspace: fit::Workspace,
}

impl Rule {
    /// The verdict on an outlook, if it is to stop; the threshold that the chance of being among
    /// the best is compared with.
    fn judge(&self, view: &View<'_>, memory: &Memory, outlook: &Outlook) -> (Option<Reason>, f64) {
        let probability = outlook.best;
        let threshold = self.threshold(view, memory);
        let half_width = (outlook.most[1] - outlook.most[0]) / 2.0;
        if probability < threshold && outlook.error <= self.bearable(view, memory) {
            let reason = Reason::Dominated {
                probability,
                threshold,
            };
            return (Some(reason), threshold);
        }
        let accuracy = self.accuracy(view.settings, memory);
        // Whoever may come first is measured.
        let is_known = accuracy > 0.0
            && half_width <= accuracy
            && probability > KNOWN_BEST
            && outlook.most[1] < memory.record()
            && outlook.support >= KNOWN_SUPPORT;
        let reason = is_known.then_some(Reason::Known {
            half_width,
            accuracy,
        });
        (reason, threshold)
    }

    /// Below which chance of being among the best a trial is worth a stop.
    fn threshold(&self, view: &View<'_>, memory: &Memory) -> f64 {
        let each = self.spec.risk() * self.spec.best_fraction();
        spendable(view, memory, each, memory.spent().chance)
    }

    /// Up to which expected error of the fitness that it reports a trial is worth a stop, in the
    /// metric's unit.
    fn bearable(&self, view: &View<'_>, memory: &Memory) -> f64 {
        let each = self.tolerance(view.settings, memory);
        spendable(view, memory, each, memory.spent().error)
    }

    fn accuracy(&self, settings: &Settings, memory: &Memory) -> f64 {
        self.spec.accuracy().unwrap_or_else(|| {
            let width = settings.range.upper() - settings.range.lower();
            (ACCURACY_OF_RANGE * width).min(ACCURACY_OF_SPREAD * memory.finals().spread())
        })
    }

    fn tolerance(&self, settings: &Settings, memory: &Memory) -> f64 {
        self.spec.tolerance().unwrap_or_else(|| {
            let width = settings.range.upper() - settings.range.lower();
            (TOLERANCE_OF_RANGE * width)
                .min(TOLERANCE_OF_SPAN * memory.span())
                .min(TOLERANCE_OF_SPREAD * memory.finals().spread())
                .max(ROUNDING * width)
        })
    }
}

/// What a stop may cost, where `each` trial may cost so much in the mean and the remembered ones
/// have cost `spent`.
///
/// In proportion to what it saves; and with what is spent being at most `each` times the trials
/// and one more, it still is that afterwards.
fn spendable(view: &View<'_>, memory: &Memory, each: f64, spent: f64) -> f64 {
    let remaining = 1.0 - view.last().epoch.get() / view.settings.target.get();
    let left = each * (memory.remembered() as f64 + 1.0) - spent;
    (BOLDNESS * each * remaining)
        .min(left)
        .max(each * remaining)
}

impl Policy for Rule {
    fn decide(&mut self, view: &View<'_>) -> Decision {
        let last = view.curve.len() - 1;
        let features = self.walk.features(view);
        let stages = stages(view);
        let place = place(view, stages.as_ref());
        let mut memory = lock(&self.memory);
        let outlook = memory.outlook(self.trial, &place, &features);
        let (outlook, mut trials) = match outlook {
            Ok(outlook) => (Some(held(view.settings, outlook)), memory.ended()),
            Err(trials) => (None, trials),
        };
        // What a step will bring is known from trials that had theirs.
        if let Some(stages) = place.stages.filter(|own| own.is_step_ahead(place.share)) {
            trials = trials.min(memory.measured_like(stages));
        }
        let needed = self.spec.startup_trials().max(LEAST_NEIGHBOURS);
        let Some(outlook) = outlook else {
            drop(memory);
            let prediction = extrapolation::of(view, &mut self.workspace);
            return Decision::go_on(Reason::Learning { trials, needed }, Some(prediction));
        };
        let widening = memory.experience().widening();
        let prediction = Some(prediction(view.settings, &outlook, widening));
        if trials < needed {
            return Decision::go_on(Reason::Learning { trials, needed }, prediction);
        }
        let (stop, threshold) = self.judge(view, &memory, &outlook);
        let probability = outlook.best;
        let is_judged = view.curve.len() >= LEAST_OBSERVATIONS && is_first(view, last);
        match stop.filter(|_| is_judged) {
            Some(_) if self.is_explored => {
                let reason = Reason::Explored {
                    probability,
                    threshold,
                };
                Decision::go_on(reason, prediction)
            }
            Some(reason) => Decision::stop(reason, prediction),
            None => {
                let reason = Reason::Promising {
                    probability,
                    threshold,
                };
                Decision::go_on(reason, prediction)
            }
        }
    }

    fn decided(&mut self, view: &View<'_>, decision: &Decision) {
        let (stops, chance) = match decision.reason {
            Reason::Dominated { probability, .. } => (true, probability),
            Reason::Known { .. } => (true, 0.0),
            Reason::Explored { .. } => (false, 0.0),
            _ => return,
        };
        let widening = lock(&self.memory).experience().widening();
        let Some(given) = given(view.settings, decision, widening) else {
            return;
        };
        if stops {
            let features = self.walk.features(view);
            let path = self.walk.path(view, view.curve.len());
            let stages = stages(view);
            let mut memory = lock(&self.memory);
            // What is remembered is what it was when the decision was made, and so is the draw.
            let outlook = memory.outlook(self.trial, &place(view, stages.as_ref()), &features);
            let (draw, error) = outlook.map_or((given.fitness, 0.0), |outlook| {
                (held(view.settings, outlook).draw, outlook.error)
            });
            memory.stop(
                self.trial,
                given,
                Cost { chance, error },
                draw,
                (path, stages),
            );
        } else {
            lock(&self.memory).expect(self.trial, given);
        }
    }

    fn complete(&mut self, view: &View<'_>) {
        let target = view.settings.target;
        let before = view.curve.partition_point(|point| point.epoch < target);
        let length = (before + 1).min(view.curve.len());
        let fitness = view.settings.goal.score(view.curve[length - 1].value);
        let path = self.walk.path(view, length);
        let is_free = self.is_explored || view.settings.mode == Mode::Advise;
        lock(&self.memory).complete(self.trial, fitness, (path, stages(view)), is_free);
    }
}

/// The stages of the trial's learning rate, where it declares them.
fn stages(view: &View<'_>) -> Option<Stages> {
    let schedule = view.schedule?;
    Some(Stages::new(schedule, view.settings.target))
}

/// Where the trial is at its last observation.
fn place<'a>(view: &View<'_>, stages: Option<&'a Stages>) -> Place<'a> {
    let last = view.curve.len() - 1;
    Place {
        cell: cell_of(view, last),
        share: share_of(view, last),
        stages,
    }
}

/// The outlook with what it says of the final held to the metric's range.
fn held(settings: &Settings, outlook: Outlook) -> Outlook {
    let ends = [settings.range.lower(), settings.range.upper()].map(|end| settings.goal.score(end));
    let score = |score: f64| score.clamp(ends[0].min(ends[1]), ends[0].max(ends[1]));
    Outlook {
        fitness: score(outlook.fitness),
        half: outlook.half.map(score),
        most: outlook.most.map(score),
        draw: score(outlook.draw),
        ..outlook
    }
}

/// The outlook, its intervals widened by that factor, in the metric's unit.
fn prediction(settings: &Settings, outlook: &Outlook, widening: f64) -> Prediction {
    let value = |score: f64| settings.goal.score(score);
    let interval = |ends: [f64; 2], level: f64| {
        let ends = ends.map(value);
        Interval {
            lower: ends[0].min(ends[1]),
            upper: ends[0].max(ends[1]),
            level,
        }
    };
    Prediction {
        fitness: value(outlook.fitness),
        interval: Some(interval(outlook.most, fit::LEVEL)),
        interval_50: Some(interval(outlook.half, 0.5)),
        widening: Some(widening),
        curve: None,
    }
}

/// What a decision predicted, as scores; none without an interval.
fn given(settings: &Settings, decision: &Decision, widening: f64) -> Option<Given> {
    let prediction = decision.prediction.as_ref()?;
    let ends = |interval: Interval| {
        let ends = [interval.lower, interval.upper].map(|end| settings.goal.score(end));
        [ends[0].min(ends[1]), ends[0].max(ends[1])]
    };
    Some(Given {
        fitness: settings.goal.score(prediction.fitness),
        most: ends(prediction.interval?),
        half: prediction.interval_50.map(ends),
        widening,
    })
}
