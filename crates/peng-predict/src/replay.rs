//! Recorded curves replayed as an asynchronous search would train them: what a policy would have
//! saved, and what it would have reported.
//!
//! The policy sees what had been observed by then and nothing else: it is the same
//! [`Experiment`] that a server runs.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::experiment::{Experiment, Settings};
use crate::metric::Goal;
use crate::observation::Observation;
use crate::policy::Calibration;
use crate::prediction::Interval;
use crate::rate;
use crate::reason::Reason;
use crate::trial::{Error, Session};
use crate::verdict::Decision;

/// How the curves are replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// How many trials are in training at a time, at least one; each makes one observation a
    /// tick, in the order in which they began.
    pub workers: usize,
    /// Decides the order in which the curves come.
    pub seed: u64,
}

/// How a replayed trial ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Trained to its end.
    Succeeded,
    /// Stopped by a verdict.
    Stopped,
}

/// What became of one curve.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Which of the curves it is.
    pub curve: usize,
    /// Observations used.
    pub observations: usize,
    /// The epoch at which its training ended.
    pub epochs: f64,
    /// The epoch at which it would have ended without verdicts.
    pub all_epochs: f64,
    /// What the search is told, in the metric's unit: what was measured, or the prediction of the
    /// STOP; the worst of the range for a training that diverged.
    pub reported: f64,
    /// The interval of the reported prediction.
    pub interval: Option<Interval>,
    /// Its interval at 50 %.
    pub interval_50: Option<Interval>,
    /// The value at the end of the curve; the worst of the range if it diverged.
    pub truth: f64,
    /// How it ended.
    pub state: State,
    /// Why it ended early.
    pub reason: Option<Reason>,
}

/// What became of all curves, and how long each decision took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replay {
    /// In the order of the curves.
    pub trials: Vec<Trial>,
    /// In the order of the decisions.
    pub decisions: Vec<Duration>,
    /// How the policy itself says in the end that its predictions have fared, where it keeps
    /// account of it.
    pub calibration: Option<Calibration>,
}

/// Why curves cannot be replayed.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Failure {
    /// There is no worker.
    #[error("workers must be at least 1, got 0")]
    NoWorkers,
    /// A curve has no observation up to the target epoch.
    #[error("curve {curve} has no observation up to the target epoch")]
    EmptyCurve {
        /// Which, from 0.
        curve: usize,
    },
    /// An observation is refused.
    #[error("curve {curve}")]
    Refused {
        /// Which, from 0.
        curve: usize,
        /// Why.
        source: Error,
    },
}

/// Replays curves, each by epoch, up to the experiment's target epoch. `now` is the time since
/// some moment, asked before and after each decision.
pub fn run(
    settings: &Arc<Settings>,
    curves: &[impl AsRef<[Observation]>],
    schedule: Schedule,
    now: impl FnMut() -> Duration,
) -> Result<Replay, Failure> {
    run_as(settings, curves, &[], schedule, now)
}

/// Replays curves of which each declares how its learning rate will run; one beyond the end of
/// `rates` does not.
pub fn run_as(
    settings: &Arc<Settings>,
    curves: &[impl AsRef<[Observation]>],
    rates: &[Option<Arc<rate::Schedule>>],
    schedule: Schedule,
    mut now: impl FnMut() -> Duration,
) -> Result<Replay, Failure> {
    if schedule.workers == 0 {
        return Err(Failure::NoWorkers);
    }
    let experiment = Experiment::new(Arc::clone(settings));
    let mut waiting = order(curves.len(), schedule.seed).into_iter();
    let mut began = 0;
    let mut running: Vec<Running<'_>> = Vec::new();
    let mut replay = Replay::default();
    loop {
        while running.len() < schedule.workers
            && let Some(curve) = waiting.next()
        {
            let points = up_to_target(curves[curve].as_ref(), settings);
            if points.is_empty() {
                return Err(Failure::EmptyCurve { curve });
            }
            running.push(Running {
                curve,
                points,
                used: 0,
                session: experiment.start_as(began, rates.get(curve).cloned().flatten()),
            });
            began += 1;
        }
        if running.is_empty() {
            break;
        }
        let mut refused = None;
        running.retain_mut(|trial| {
            if refused.is_some() {
                return true;
            }
            let start = now();
            match trial.tick() {
                Ok(ended) => {
                    replay.decisions.push(now().saturating_sub(start));
                    if let Some(decision) = &ended {
                        replay.trials.push(trial.end(decision, settings));
                    }
                    ended.is_none()
                }
                Err(source) => {
                    refused = Some(Failure::Refused {
                        curve: trial.curve,
                        source,
                    });
                    true
                }
            }
        });
        if let Some(refused) = refused {
            return Err(refused);
        }
    }
    replay.trials.sort_by_key(|trial| trial.curve);
    replay.calibration = experiment.calibration();
    Ok(replay)
}

/// A trial in training.
struct Running<'a> {
    curve: usize,
    points: &'a [Observation],
    used: usize,
    session: Session,
}

impl Running<'_> {
    /// Makes the next observation; the last decision if the trial ends with it.
    fn tick(&mut self) -> Result<Option<Decision>, Error> {
        let decision = self.session.observe(self.points[self.used])?;
        self.used += 1;
        if decision.is_stop() {
            return Ok(Some(decision));
        }
        if self.used < self.points.len() {
            return Ok(None);
        }
        self.session.complete();
        Ok(Some(decision))
    }

    fn end(&self, decision: &Decision, settings: &Settings) -> Trial {
        let last = self.points[self.used - 1];
        let stopped = decision.is_stop();
        let prediction = decision.prediction.as_ref().filter(|_| stopped);
        let end = self.points[self.points.len() - 1];
        Trial {
            curve: self.curve,
            observations: self.used,
            epochs: last.epoch.get(),
            all_epochs: end.epoch.get(),
            reported: prediction
                .map_or_else(|| fitness(last, settings), |prediction| prediction.fitness),
            interval: prediction.and_then(|prediction| prediction.interval),
            interval_50: prediction.and_then(|prediction| prediction.interval_50),
            truth: fitness(end, settings),
            state: if stopped {
                State::Stopped
            } else {
                State::Succeeded
            },
            reason: stopped.then_some(decision.reason),
        }
    }
}

/// The value, or the worst of the range where it is not finite.
fn fitness(observation: Observation, settings: &Settings) -> f64 {
    match settings.goal {
        _ if !observation.is_diverged() => observation.value,
        Goal::Maximize => settings.range.lower(),
        Goal::Minimize => settings.range.upper(),
    }
}

fn up_to_target<'a>(curve: &'a [Observation], settings: &Settings) -> &'a [Observation] {
    &curve[..curve.partition_point(|point| point.epoch <= settings.target)]
}

/// The numbers below `count` in an order drawn from the seed (Fisher and Yates, with splitmix64).
fn order(count: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    let mut state = seed;
    for left in (1..=count).rev() {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut drawn = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        drawn = (drawn ^ (drawn >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        drawn ^= drawn >> 31;
        #[expect(clippy::cast_possible_truncation, reason = "below the count, a usize")]
        let place = ((u128::from(drawn) * left as u128) >> 64) as usize;
        order.swap(left - 1, place);
    }
    order
}
