//! Hyperband: several halvings side by side, from ones that judge early to one that hardly judges.
//!
//! Sources: Li et al., *Hyperband*, JMLR 18(185), 2018, algorithm 1; in the asynchronous form of
//! Optuna's `HyperbandPruner`, whose semantics these are: bracket b is [`super::asha`] with its
//! first b rungs left out, there are `floor(log_factor(target / first rung)) + 1` brackets, a trial
//! belongs to one of them at random, with odds of
//! `ceil(brackets * factor^s / (s + 1))`, `s = brackets - 1 - b`, and is compared within it.
//!
//! Difference from Optuna: the bracket follows from the trial's number by another hash.

use std::sync::Arc;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::asha::{self, Rungs};
use super::{Kind, Peers, Policy, View};
use crate::epoch::Epoch;
use crate::verdict::Decision;

/// The parameters of the policy: those of [`asha::Spec`], for its first bracket.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Spec {
    first_bracket: asha::Spec,
}

impl Spec {
    /// The policy whose bracket that judges earliest has these rungs.
    pub const fn new(first_bracket: asha::Spec) -> Self {
        Self { first_bracket }
    }

    /// The rungs of the bracket that judges earliest.
    pub const fn first_bracket(&self) -> &asha::Spec {
        &self.first_bracket
    }

    /// The odds of the brackets, for an experiment with this target epoch.
    pub fn odds(&self, target: Epoch) -> Vec<u64> {
        let factor = self.first_bracket.factor() as f64;
        let span = target.get() / self.first_bracket.first().epochs(target);
        // A power of the factor must not fall short of its bracket by rounding.
        let last = (span.ln() / factor.ln() + 1e-9).clamp(0.0, 40.0).floor();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most 40"
        )]
        let last = last as u32;
        let brackets = f64::from(last + 1);
        (0..=last)
            .map(|bracket| {
                let s = f64::from(last - bracket);
                let odds = (brackets * factor.powf(s) / (s + 1.0)).ceil().min(1e15);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "at most 1e15"
                )]
                let odds = odds as u64;
                odds
            })
            .collect()
    }

    /// The bracket of a trial.
    pub fn bracket(&self, trial: u64, target: Epoch) -> usize {
        pick(trial, &self.odds(target))
    }
}

/// The bracket of a trial, with these odds: the splitmix64 hash of its number.
fn pick(trial: u64, odds: &[u64]) -> usize {
    let mut hash = trial.wrapping_add(0x9E37_79B9_7F4A_7C15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    hash ^= hash >> 31;
    let mut rest = hash % odds.iter().sum::<u64>().max(1);
    for (bracket, &odds) in odds.iter().enumerate() {
        if rest < odds {
            return bracket;
        }
        rest -= odds;
    }
    0
}

/// The brackets of an experiment.
#[derive(Debug)]
pub(super) struct Brackets(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    spec: Spec,
    /// Their odds and rungs; made at the first decision, which knows the target.
    brackets: OnceLock<(Vec<u64>, Vec<Rungs>)>,
}

impl Brackets {
    pub(super) fn new(spec: Spec) -> Self {
        Self(Arc::new(Shared {
            spec,
            brackets: OnceLock::new(),
        }))
    }
}

impl Kind for Spec {
    fn open(&self) -> Arc<dyn Peers> {
        Arc::new(Brackets::new(self.clone()))
    }

    fn compares_trials(&self) -> bool {
        true
    }
}

impl Peers for Brackets {
    fn join(&self, trial: u64) -> Box<dyn Policy> {
        Box::new(Rule {
            trial,
            shared: Arc::clone(&self.0),
            halving: None,
        })
    }
}

#[derive(Debug)]
struct Rule {
    trial: u64,
    shared: Arc<Shared>,
    /// That of the trial's bracket.
    halving: Option<Box<dyn Policy>>,
}

impl Rule {
    fn halving(&mut self, target: Epoch) -> &mut dyn Policy {
        let (trial, shared) = (self.trial, &self.shared);
        self.halving
            .get_or_insert_with(|| shared.rule(trial, target))
            .as_mut()
    }
}

impl Shared {
    fn rule(&self, trial: u64, target: Epoch) -> Box<dyn Policy> {
        let (odds, brackets) = self.brackets.get_or_init(|| {
            let odds = self.spec.odds(target);
            let rungs = (0..)
                .take(odds.len())
                .map(|skipped| Rungs::skipping(self.spec.first_bracket.clone(), skipped))
                .collect();
            (odds, rungs)
        });
        brackets[pick(trial, odds)].rule()
    }
}

impl Policy for Rule {
    fn decide(&mut self, view: &View<'_>) -> Decision {
        self.halving(view.settings.target).decide(view)
    }

    fn learn(&mut self, view: &View<'_>) {
        self.halving(view.settings.target).learn(view);
    }
}
