//! Asynchronous successive halving, of the stopping type.
//!
//! Sources: Li et al., *A System for Massively Parallel Hyperparameter Tuning*, `MLSys` 2020
//! (ASHA); the stopping variant, which needs no pausing of trainings, as Optuna's
//! `SuccessiveHalvingPruner` has it, whose semantics these are:
//!
//! - Rung k is at `first_rung * factor^k` epochs. A trial enters a rung with its value at its first
//!   observation there or later, whether it goes on or not.
//! - It goes on if its value is among the best `n / factor`, rounded down, of the n trials that
//!   have entered the rung so far, itself included; while n is less than `factor`, if it is the
//!   best. A tie with the last of them goes on.
//! - A trial whose observation passes several rungs is judged at each in turn.
//!
//! Differences from Optuna: epochs are real numbers; a rung at the target epoch or later does not
//! exist, for nothing is left to save there; a value that is not finite stops the trial without
//! entering the rung.

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::fixed::At;
use super::rank::Rank;
use super::{Kind, Peers, Policy, View};
use crate::epoch::Epoch;
use crate::reason::Reason;
use crate::verdict::Decision;

/// The parameters of the policy; by default the first rung is at one epoch and a third goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct Spec {
    first: At,
    factor: usize,
    bootstrap_trials: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Raw {
    #[serde(skip_serializing_if = "Option::is_none")]
    first_epoch: Option<Epoch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_share: Option<f64>,
    factor: usize,
    bootstrap_trials: usize,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            first_epoch: None,
            first_share: None,
            factor: 3,
            bootstrap_trials: 0,
        }
    }
}

/// Why parameters are refused.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// `first_epoch` and `first_share` are both given.
    #[error("first_epoch and first_share exclude each other; one of them would be right")]
    Both,
    /// `first_share` is not in (0, 1).
    #[error("first_share must be above 0 and below 1 of the target epoch, got {0}")]
    FirstShare(f64),
    /// `factor` is below 2 or above 100.
    #[error("factor must be between 2 and 100, got {0}")]
    Factor(usize),
    /// `bootstrap_trials` is above a million.
    #[error("bootstrap_trials must be at most 1000000, got {0}")]
    BootstrapTrials(usize),
}

impl Spec {
    /// `first`: where the first rung is. `factor`: one in so many goes on, and each rung is so
    /// many times later than the one before; 2 to 100.
    pub fn new(first: At, factor: usize) -> Result<Self, Error> {
        match first {
            At::Share(share) if !(share > 0.0 && share < 1.0) => Err(Error::FirstShare(share)),
            _ if !(2..=100).contains(&factor) => Err(Error::Factor(factor)),
            _ => Ok(Self {
                first,
                factor,
                bootstrap_trials: 0,
            }),
        }
    }

    /// With the first so many trials that enter a rung stopped there, so that later ones have
    /// something to be compared with (Optuna's `bootstrap_count`).
    pub fn with_bootstrap_trials(mut self, trials: usize) -> Result<Self, Error> {
        if trials > 1_000_000 {
            return Err(Error::BootstrapTrials(trials));
        }
        self.bootstrap_trials = trials;
        Ok(self)
    }

    /// Where the first rung is.
    pub const fn first(&self) -> At {
        self.first
    }

    /// One in so many goes on.
    pub const fn factor(&self) -> usize {
        self.factor
    }

    /// How many trials are stopped at a rung before any goes on.
    pub const fn bootstrap_trials(&self) -> usize {
        self.bootstrap_trials
    }
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            first: At::Epoch(Epoch::ONE),
            factor: 3,
            bootstrap_trials: 0,
        }
    }
}

impl TryFrom<Raw> for Spec {
    type Error = Error;

    fn try_from(raw: Raw) -> Result<Self, Error> {
        let first = match (raw.first_epoch, raw.first_share) {
            (None, None) => At::Epoch(Epoch::ONE),
            (Some(epoch), None) => At::Epoch(epoch),
            (None, Some(share)) => At::Share(share),
            (Some(_), Some(_)) => return Err(Error::Both),
        };
        Self::new(first, raw.factor)?.with_bootstrap_trials(raw.bootstrap_trials)
    }
}

impl From<Spec> for Raw {
    fn from(spec: Spec) -> Self {
        let (first_epoch, first_share) = match spec.first {
            At::Epoch(epoch) => (Some(epoch), None),
            At::Share(share) => (None, Some(share)),
        };
        Self {
            first_epoch,
            first_share,
            factor: spec.factor,
            bootstrap_trials: spec.bootstrap_trials,
        }
    }
}

/// The rungs of an experiment and who has entered them.
#[derive(Clone, Debug)]
pub(super) struct Rungs {
    spec: Spec,
    /// How many rungs are left out at the beginning.
    skipped: i32,
    memory: Arc<Mutex<Vec<Rank>>>,
}

impl Rungs {
    pub(super) fn new(spec: Spec) -> Self {
        Self::skipping(spec, 0)
    }

    pub(super) fn skipping(spec: Spec, rungs: i32) -> Self {
        Self {
            spec,
            skipped: rungs,
            memory: Arc::default(),
        }
    }

    pub(super) fn rule(&self) -> Box<dyn Policy> {
        Box::new(Rule(self.clone()))
    }

    /// The rungs that the last observation is the first to reach, by their numbers.
    fn reached(&self, view: &View<'_>) -> std::ops::Range<usize> {
        if view.newest + 1 < view.curve.len() {
            return 0..0;
        }
        let before = view.curve.len().checked_sub(2);
        let before = before.map_or(0.0, |index| view.curve[index].epoch.get());
        let now = view.last().epoch.get();
        self.below(before, view)..self.below(now, view)
    }

    /// How many rungs are at this epoch or before it.
    fn below(&self, epoch: f64, view: &View<'_>) -> usize {
        let target = view.settings.target;
        let factor = self.spec.factor as f64;
        let mut rung = self.spec.first.epochs(target) * factor.powi(self.skipped);
        let mut count = 0;
        while rung <= epoch && rung < target.get() && count < Self::MOST {
            rung *= factor;
            count += 1;
        }
        count
    }

    /// More rungs than an `f64` has powers of two.
    const MOST: usize = 2200;

    /// Enters the rung; whether the trial goes on, and the score asked for if there was one.
    fn enter(&self, ranks: &mut Vec<Rank>, rung: usize, score: f64) -> (bool, Option<f64>) {
        if ranks.len() <= rung {
            ranks.resize_with(rung + 1, Rank::default);
        }
        let rank = &mut ranks[rung];
        rank.insert(score, |n| (n / self.spec.factor).max(1));
        let enough = rank.len() > self.spec.bootstrap_trials;
        let threshold = rank.least_of_top().filter(|_| enough);
        (threshold.is_some_and(|least| score >= least), threshold)
    }
}

impl Kind for Spec {
    fn open(&self) -> Arc<dyn Peers> {
        Arc::new(Rungs::new(self.clone()))
    }

    fn compares_trials(&self) -> bool {
        true
    }
}

impl Peers for Rungs {
    fn join(&self, _trial: u64) -> Box<dyn Policy> {
        self.rule()
    }
}

#[derive(Debug)]
struct Rule(Rungs);

impl Policy for Rule {
    fn decide(&mut self, view: &View<'_>) -> Decision {
        let goal = view.settings.goal;
        let last = view.last();
        let score = goal.score(last.value);
        let mut threshold = None;
        let mut goes_on = true;
        let mut ranks = self.0.memory.lock().unwrap_or_else(PoisonError::into_inner);
        for rung in self.0.reached(view) {
            (goes_on, threshold) = self.0.enter(&mut ranks, rung, score);
            if !goes_on {
                break;
            }
        }
        let prediction = Some(view.persistence());
        let (epoch, value) = (last.epoch, last.value);
        let threshold = threshold.map(|threshold| goal.score(threshold));
        if goes_on {
            let reason = Reason::Passed {
                epoch,
                value,
                threshold,
            };
            Decision::go_on(reason, prediction)
        } else {
            let reason = Reason::Rule {
                epoch,
                value,
                threshold,
            };
            Decision::stop(reason, prediction)
        }
    }

    fn learn(&mut self, view: &View<'_>) {
        self.decide(view);
    }
}
