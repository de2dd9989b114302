//! Stopping policies: rules that turn a trial's observations into decisions.
//!
//! A new policy is one module with a `Spec` (its parameters, checked when they are read) that
//! implements [`Peers`], a rule that implements [`Policy`], and its lines in [`Spec`].

pub mod adaptive;
pub mod any_of;
pub mod asha;
mod calibration;
pub mod fixed;
pub mod hyperband;
pub mod median;
mod pairs;
pub mod patience;
pub mod peng4nn;
mod rank;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use calibration::Calibration;

use crate::experiment::Settings;
use crate::observation::Observation;
use crate::prediction::Prediction;
use crate::verdict::Decision;

/// A policy and its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum Spec {
    /// The paper's: stop once the predicted fitness has settled.
    Peng4nn(peng4nn::Spec),
    /// Stop what is worse than the median of the completed trials.
    Median(median::Spec),
    /// Asynchronous successive halving: stop what is not among the best at a rung.
    Asha(asha::Spec),
    /// Several halvings side by side, with different first rungs.
    Hyperband(hyperband::Spec),
    /// Stop what no longer gets better.
    Patience(patience::Spec),
    /// Stop everything at one epoch.
    Fixed(fixed::Spec),
    /// Stop what is too unlikely to end among the best, as the trials before it tell.
    Adaptive(adaptive::Spec),
    /// Stop as soon as one of several policies does.
    AnyOf(any_of::Spec),
}

/// Why a policy is refused that was given as texts.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// No policy has this name.
    #[error("`{given}` is not a policy; there are: {}", Spec::NAMES.join(", "))]
    UnknownName {
        /// What was given.
        given: String,
    },
    /// A parameter is unknown, not readable or out of its limits.
    #[error("policy `{policy}`: {why}")]
    Parameter {
        /// The policy's name.
        policy: &'static str,
        /// The parameter and what would be right.
        why: String,
    },
}

impl Spec {
    /// The names of all policies.
    pub const NAMES: &'static [&'static str] = &[
        "peng4nn",
        "median",
        "asha",
        "hyperband",
        "patience",
        "fixed",
        "adaptive",
        "any_of",
    ];

    /// The policy of that name with these parameters, given as texts, and the defaults for the
    /// others.
    ///
    /// The parameters of a part of `any_of` are written `part.parameter`: `("policies",
    /// "peng4nn,patience"), ("patience.observations", "8")`.
    pub fn parse<K: AsRef<str>, V: AsRef<str>>(
        name: &str,
        parameters: &[(K, V)],
    ) -> Result<Self, Error> {
        let pairs: Vec<(&str, &str)> = parameters
            .iter()
            .map(|(key, value)| (key.as_ref(), value.as_ref()))
            .collect();
        match name {
            "peng4nn" => pairs::read("peng4nn", &pairs).map(Self::Peng4nn),
            "median" => pairs::read("median", &pairs).map(Self::Median),
            "asha" => pairs::read("asha", &pairs).map(Self::Asha),
            "hyperband" => pairs::read("hyperband", &pairs).map(Self::Hyperband),
            "patience" => pairs::read("patience", &pairs).map(Self::Patience),
            "fixed" => pairs::read("fixed", &pairs).map(Self::Fixed),
            "adaptive" => pairs::read("adaptive", &pairs).map(Self::Adaptive),
            "any_of" => any_of::Spec::parse(&pairs).map(Self::AnyOf),
            _ => Err(Error::UnknownName {
                given: name.chars().take(100).collect(),
            }),
        }
    }

    /// Its name, as in its serialized form.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Peng4nn(_) => "peng4nn",
            Self::Median(_) => "median",
            Self::Asha(_) => "asha",
            Self::Hyperband(_) => "hyperband",
            Self::Patience(_) => "patience",
            Self::Fixed(_) => "fixed",
            Self::Adaptive(_) => "adaptive",
            Self::AnyOf(_) => "any_of",
        }
    }

    /// Whether a decision depends on other trials, so that the order in which observations of
    /// different trials arrive matters.
    pub fn compares_trials(&self) -> bool {
        match self {
            Self::Peng4nn(_) | Self::Patience(_) | Self::Fixed(_) => false,
            Self::Median(_) | Self::Asha(_) | Self::Hyperband(_) | Self::Adaptive(_) => true,
            Self::AnyOf(spec) => spec.policies().iter().any(Self::compares_trials),
        }
    }

    /// The policy at the start of an experiment.
    pub fn open(&self) -> Arc<dyn Peers> {
        match self {
            Self::Peng4nn(spec) => Arc::new(spec.clone()),
            Self::Median(spec) => Arc::new(median::Completed::new(spec.clone())),
            Self::Asha(spec) => Arc::new(asha::Rungs::new(spec.clone())),
            Self::Hyperband(spec) => Arc::new(hyperband::Brackets::new(spec.clone())),
            Self::Patience(spec) => Arc::new(spec.clone()),
            Self::Fixed(spec) => Arc::new(spec.clone()),
            Self::Adaptive(spec) => Arc::new(adaptive::Peers::new(spec.clone())),
            Self::AnyOf(spec) => Arc::new(any_of::Parts::new(spec)),
        }
    }
}

impl Default for Spec {
    fn default() -> Self {
        Self::Peng4nn(peng4nn::Spec::default())
    }
}

/// What a policy sees of a trial.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The experiment's settings.
    pub settings: &'a Settings,
    /// The trial's finite observations by epoch; at least one. Before a decision the last is
    /// before the target epoch.
    pub curve: &'a [Observation],
    /// How many of the first ones are those that the policy saw last time it decided.
    pub seen: usize,
    /// Which of them arrived last: in order of arrival the last one, else one that fills a gap.
    pub newest: usize,
}

impl View<'_> {
    /// The observation of the latest epoch.
    pub fn last(&self) -> Observation {
        self.curve[self.curve.len() - 1]
    }

    /// That further training would change nothing: the prediction of a rule that makes none.
    pub fn persistence(&self) -> Prediction {
        Prediction::of_value(self.last().value)
    }
}

/// A rule at work on one trial.
///
/// A decision depends on the settings, the observations of this trial, and what the policy's
/// [`Peers`] learned before; what a policy keeps beside from one call to the next only saves it
/// work.
pub trait Policy: fmt::Debug + Send {
    /// Judges the curve, and learns from it for the experiment.
    fn decide(&mut self, view: &View<'_>) -> Decision;

    /// Learns what [`Self::decide`] would, of an observation that has its decision already. The
    /// view is the same, but for what was seen before.
    fn learn(&mut self, _view: &View<'_>) {}

    /// Learns from the decision that was given on the view, after [`Self::decide`] or
    /// [`Self::learn`]: made by this policy, by one that it is a part of, or taken from a log.
    fn decided(&mut self, _view: &View<'_>, _decision: &Decision) {}

    /// Learns from the whole curve of a training that went to its end.
    fn complete(&mut self, _view: &View<'_>) {}
}

/// A policy at work on an experiment: what it has learned from all trials so far.
pub trait Peers: fmt::Debug + Send + Sync {
    /// The policy for a new trial of this number.
    fn join(&self, trial: u64) -> Box<dyn Policy>;

    /// How its predictions have fared, where it keeps account of it.
    fn calibration(&self) -> Option<Calibration> {
        None
    }
}
