//! What the trials of one experiment have in common: [`Settings`], fixed, and a live
//! [`Experiment`], which learns from its trials.

mod live;

use serde::{Deserialize, Serialize};

use crate::epoch::Epoch;
use crate::metric::{Goal, Scale, ValueRange};
use crate::policy;
pub use live::{Event, Experiment};

/// What a STOP is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The worker obeys it.
    #[default]
    Enforce,
    /// It is recorded and training goes on: shows what would have been saved.
    Advise,
}

/// One metric, one goal, one target epoch, one stopping policy; each part is valid in itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Which way the metric gets better.
    pub goal: Goal,
    /// The values that the metric can take.
    #[serde(default)]
    pub range: ValueRange,
    /// The epoch at which the fitness is the metric's value.
    pub target: Epoch,
    /// The rule that turns observations into verdicts.
    pub policy: policy::Spec,
    /// Whether verdicts are obeyed. The engine's decisions are the same in both modes.
    #[serde(default)]
    pub mode: Mode,
}

impl Settings {
    /// Accuracy in percent, the paper's policy with its defaults, verdicts enforced.
    pub fn accuracy(target: Epoch) -> Self {
        Self {
            goal: Goal::Maximize,
            range: ValueRange::PERCENT,
            target,
            policy: policy::Spec::default(),
            mode: Mode::Enforce,
        }
    }

    /// The scale on which curves of this metric are fitted.
    pub fn scale(&self) -> Scale {
        Scale::new(self.goal, self.range)
    }
}
