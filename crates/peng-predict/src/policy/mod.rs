//! Stopping policies: rules that turn a trial's observations into decisions.
//!
//! A new policy is one module that implements [`Policy`], a variant of [`Spec`] and its line in
//! [`Spec::start`].

pub mod peng4nn;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::experiment::Settings;
use crate::observation::Observation;
use crate::verdict::Decision;

/// A policy and its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum Spec {
    /// The paper's: stop once the predicted fitness has settled.
    Peng4nn(peng4nn::Spec),
}

impl Spec {
    /// Its name, as in its serialized form.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Peng4nn(_) => "peng4nn",
        }
    }

    /// The policy at the start of a trial.
    pub fn start(&self) -> Box<dyn Policy> {
        match self {
            Self::Peng4nn(spec) => Box::new(peng4nn::Rule::new(spec.clone())),
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
    /// The trial's finite observations by epoch; at least one, the last before the target epoch.
    pub curve: &'a [Observation],
    /// How many of the first ones are those that the policy saw last time.
    pub seen: usize,
}

/// A rule at work on one trial.
///
/// A decision depends on the settings and the observations alone; what a policy keeps from one
/// call to the next only saves it work.
pub trait Policy: fmt::Debug + Send {
    /// Judges the curve.
    fn decide(&mut self, view: &View<'_>) -> Decision;
}
