//! What an orchestrator is told before it starts.

use peng_predict::{Epoch, Goal, Mode, ValueRange, experiment, policy};
use peng_proto::{
    error::Error as WireError,
    names,
    search::{Training, candidate_to_wire},
    v1,
};
use peng_search::{Candidate, Settings, settings};
use tokio_util::sync::CancellationToken;

use crate::Error;

/// What an orchestrator is told before it starts.
#[derive(Debug, Clone)]
pub struct Config {
    /// The search's name. Its experiment on the prediction server has the same id.
    pub search: names::Search,
    /// How candidates are proposed and lent.
    pub settings: Settings,
    /// How every candidate is trained.
    pub training: Training,
    /// Whether a STOP ends a training.
    pub mode: Mode,
    /// The rule that gives the verdicts.
    pub policy: policy::Spec,
    /// The prediction server's address that workers are given, `http://host:port`; empty means
    /// the address at which they reach the orchestrator.
    pub predictor: String,
    /// Cancelled when the server that has the service is about to leave: workers that wait for a
    /// candidate are told so at once.
    pub leaving: CancellationToken,
}

impl Config {
    /// Checks every field that has a range.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.settings.check()?;
        self.training.check().map_err(Error::Training)
    }

    /// What the metric, an accuracy in percent, can be.
    #[allow(clippy::unused_self, reason = "a property of the search")]
    pub(crate) const fn range(&self) -> ValueRange {
        ValueRange::PERCENT
    }

    /// The search's experiment on the prediction server.
    pub(crate) fn experiment(&self) -> names::Experiment {
        names::Experiment(self.search.0.clone())
    }

    /// A candidate for the wire.
    pub(crate) fn candidate_to_wire(&self, candidate: &Candidate) -> v1::Candidate {
        candidate_to_wire(&self.search, &self.settings.space, candidate)
    }

    /// What verdicts follow from.
    pub(crate) fn experiment_settings(&self) -> Result<experiment::Settings, Error> {
        let target = Epoch::new(f64::from(self.training.epochs))
            .map_err(|error| Error::Training(WireError::field("epochs", error)))?;
        Ok(experiment::Settings {
            goal: match self.settings.goal {
                settings::Goal::Maximize => Goal::Maximize,
                settings::Goal::Minimize => Goal::Minimize,
            },
            range: self.range(),
            target,
            policy: self.policy.clone(),
            mode: self.mode,
        })
    }
}
