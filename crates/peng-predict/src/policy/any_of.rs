//! Stop as soon as one of several policies does.
//!
//! The first of them that stops gives the reason and the prediction. If none does, the first in
//! the list that has a curve behind its prediction gives them, else the first.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Calibration, Error as Refused, Kind, Peers, Policy, View};
use crate::verdict::Decision;

/// The policies, at least one and at most eight, none of them `any_of`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct Spec {
    policies: Vec<super::Spec>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    policies: Vec<super::Spec>,
}

/// Why policies are refused.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// There are none, or more than eight.
    #[error("policies must be between 1 and 8, got {0}")]
    Number(usize),
    /// One of them is `any_of`.
    #[error("policies must not contain any_of; its own parts would be right")]
    Nested,
}

impl Spec {
    /// The policy that stops as soon as one of these does.
    pub fn new(policies: Vec<super::Spec>) -> Result<Self, Error> {
        if policies.is_empty() || policies.len() > 8 {
            return Err(Error::Number(policies.len()));
        }
        let nested = |policy: &super::Spec| matches!(policy, super::Spec::AnyOf(_));
        if policies.iter().any(nested) {
            return Err(Error::Nested);
        }
        Ok(Self { policies })
    }

    /// The policies, in order.
    pub fn policies(&self) -> &[super::Spec] {
        &self.policies
    }
}

impl Kind for Spec {
    fn open(&self) -> Arc<dyn Peers> {
        Arc::new(Parts::new(self))
    }

    fn compares_trials(&self) -> bool {
        self.policies.iter().any(super::Spec::compares_trials)
    }

    fn points_fitted(&self, observations: usize) -> usize {
        let parts = self.policies.iter();
        parts.map(|part| part.points_fitted(observations)).sum()
    }

    /// As [`super::Spec::parse`] describes.
    fn read(name: &'static str, pairs: &[(&str, &str)]) -> Result<Self, Refused> {
        let wrong = |why: String| Refused::Parameter { policy: name, why };
        let names: Vec<&str> = pairs
            .iter()
            .filter(|(key, _)| *key == "policies")
            .flat_map(|(_, names)| names.split(','))
            .map(str::trim)
            .collect();
        if names.contains(&name) {
            return Err(wrong(Error::Nested.to_string()));
        }
        let is_known = |key: &str| {
            key == "policies"
                || key
                    .split_once('.')
                    .is_some_and(|(part, _)| names.contains(&part))
        };
        if let Some((key, _)) = pairs.iter().find(|(key, _)| !is_known(key)) {
            return Err(wrong(format!(
                "unknown parameter `{key}`, expected `policies` or `part.parameter`, the part \
                 being one of the policies"
            )));
        }
        let parts = names.iter().map(|name| {
            let own: Vec<(&str, &str)> = pairs
                .iter()
                .filter_map(|(key, value)| {
                    Some((key.strip_prefix(name)?.strip_prefix('.')?, *value))
                })
                .collect();
            super::Spec::parse(name, &own)
        });
        Self::new(parts.collect::<Result<_, _>>()?).map_err(|error| wrong(error.to_string()))
    }
}

impl TryFrom<Raw> for Spec {
    type Error = Error;

    fn try_from(raw: Raw) -> Result<Self, Error> {
        Self::new(raw.policies)
    }
}

impl From<Spec> for Raw {
    fn from(spec: Spec) -> Self {
        Self {
            policies: spec.policies,
        }
    }
}

/// The policies at work on an experiment.
#[derive(Debug)]
pub(super) struct Parts(Vec<Arc<dyn Peers>>);

impl Parts {
    pub(super) fn new(spec: &Spec) -> Self {
        Self(spec.policies.iter().map(super::Spec::open).collect())
    }
}

impl Peers for Parts {
    fn join(&self, trial: u64) -> Box<dyn Policy> {
        Box::new(Rule {
            parts: self.0.iter().map(|part| part.join(trial)).collect(),
        })
    }

    /// The first account that one of them keeps.
    fn calibration(&self) -> Option<Calibration> {
        self.0.iter().find_map(|part| part.calibration())
    }
}

#[derive(Debug)]
struct Rule {
    parts: Vec<Box<dyn Policy>>,
}

impl Policy for Rule {
    /// All are asked, whatever the first says, so that each learns of every observation.
    fn decide(&mut self, view: &View<'_>) -> Decision {
        let mut chosen: Option<Decision> = None;
        for part in &mut self.parts {
            let decision = part.decide(view);
            if chosen
                .as_ref()
                .is_none_or(|chosen| standing(&decision) > standing(chosen))
            {
                chosen = Some(decision);
            }
        }
        chosen.unwrap_or_else(Decision::out_of_time)
    }

    fn learn(&mut self, view: &View<'_>) {
        for part in &mut self.parts {
            part.learn(view);
        }
    }

    fn decided(&mut self, view: &View<'_>, decision: &Decision) {
        for part in &mut self.parts {
            part.decided(view, decision);
        }
    }

    fn complete(&mut self, view: &View<'_>) {
        for part in &mut self.parts {
            part.complete(view);
        }
    }
}

/// How much a decision has to say.
fn standing(decision: &Decision) -> (bool, bool) {
    let prediction = decision.prediction.as_ref();
    let has_curve = prediction.is_some_and(|prediction| prediction.curve.is_some());
    (decision.is_stop(), !decision.is_stop() && has_curve)
}
