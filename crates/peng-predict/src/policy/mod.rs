//! Stopping policies: rules that turn a trial's observations into decisions.
//!
//! A new policy is one module and one line in `policies!` below: a `Spec` (its parameters, checked
//! when they are read) that implements [`Kind`] and opens [`Peers`], which hand out a rule that
//! implements [`Policy`]. The tests of all policies are then its own, too.

mod calibration;
mod pairs;
mod rank;

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use calibration::Calibration;

use crate::experiment::Settings;
use crate::observation::Observation;
use crate::prediction::Prediction;
use crate::rate::Schedule;
use crate::verdict::Decision;

/// Declares the policies, a line each: `module::Variant = "what it does";`. The module's name is
/// the policy's.
macro_rules! policies {
    ($($module:ident::$Policy:ident = $summary:literal;)*) => {
        $(pub mod $module;)*

        /// A policy and its parameters.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "name", rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Spec {
            $(
                #[doc = $summary]
                $Policy($module::Spec),
            )*
        }

        impl Spec {
            /// The names of all policies.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($module)),*];

            /// Its name, as in its serialized form.
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$Policy(_) => stringify!($module),)*
                }
            }

            fn read(name: &str, pairs: &[(&str, &str)]) -> Option<Result<Self, Error>> {
                match name {
                    $(stringify!($module) => Some(
                        <$module::Spec as Kind>::read(stringify!($module), pairs).map(Self::$Policy)
                    ),)*
                    _ => None,
                }
            }

            fn kind(&self) -> &dyn Kind {
                match self {
                    $(Self::$Policy(spec) => spec,)*
                }
            }
        }
    };
}

policies! {
    peng4nn::Peng4nn = "The paper's: stop once the predicted fitness has settled.";
    median::Median = "Stop what is worse than the median of the completed trials.";
    asha::Asha = "Asynchronous successive halving: stop what is not among the best at a rung.";
    hyperband::Hyperband = "Several halvings side by side, with different first rungs.";
    patience::Patience = "Stop what no longer gets better.";
    fixed::Fixed = "Stop everything at one epoch.";
    adaptive::Adaptive = "Stop what is too unlikely to end among the best, as earlier trials tell.";
    any_of::AnyOf = "Stop as soon as one of several policies does.";
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
        Self::read(name, &pairs).unwrap_or_else(|| {
            Err(Error::UnknownName {
                given: name.chars().take(100).collect(),
            })
        })
    }

    /// Whether a decision depends on other trials, so that the order in which observations of
    /// different trials arrive matters.
    pub fn compares_trials(&self) -> bool {
        self.kind().compares_trials()
    }

    /// The most points that one decision on a curve of so many observations fits curves to, if
    /// nothing is at hand of the decisions before it.
    pub fn points_fitted(&self, observations: usize) -> usize {
        self.kind().points_fitted(observations)
    }

    /// The policy at the start of an experiment.
    pub fn open(&self) -> Arc<dyn Peers> {
        self.kind().open()
    }
}

impl Default for Spec {
    fn default() -> Self {
        Self::Peng4nn(peng4nn::Spec::default())
    }
}

/// A kind of policy: its parameters, and how it goes to work with them.
pub trait Kind {
    /// The policy at the start of an experiment.
    fn open(&self) -> Arc<dyn Peers>;

    /// Whether a decision depends on other trials.
    fn compares_trials(&self) -> bool {
        false
    }

    /// As [`Spec::points_fitted`]; none for a policy that fits nothing.
    fn points_fitted(&self, _observations: usize) -> usize {
        0
    }

    /// The parameters from texts, by their serialized names; those not given have their defaults.
    /// `name` is the policy's, for an error.
    fn read(name: &'static str, pairs: &[(&str, &str)]) -> Result<Self, Error>
    where
        Self: DeserializeOwned,
    {
        pairs::read(name, pairs)
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
    /// How the trial's learning rate will run, where it declares that.
    pub schedule: Option<&'a Schedule>,
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
