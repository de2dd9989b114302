//! The log of a prediction server: experiments, trials and what happened to them.

use std::{fmt, time::SystemTime};

use async_trait::async_trait;
use peng_predict::{Decision, Observation, experiment};
use serde::{Deserialize, Serialize};

use crate::Error;

/// The row of an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExperimentKey(pub(crate) i64);

/// The row of a trial; later trials have greater keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrialKey(i64);

impl TrialKey {
    /// Before every trial.
    pub const FIRST: Self = Self(0);

    /// The key of that number, from [`TrialKey::get`].
    pub const fn new(key: i64) -> Self {
        Self(key)
    }

    /// The key's number.
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// An event's place in the log; grows with every commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(i64);

impl Seq {
    /// Before every event.
    pub const START: Self = Self(0);

    /// The place of that number, from [`Seq::get`].
    pub const fn new(seq: i64) -> Self {
        Self(seq)
    }

    /// The place's number.
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// What an experiment says to people; no verdict depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Label {
    /// The experiment's name for people.
    pub display_name: String,
    /// What the values measure.
    pub metric: String,
    /// The unit of the values.
    pub unit: String,
}

/// An experiment to be stored.
#[derive(Debug, Clone)]
pub struct NewExperiment {
    /// Unique among experiments.
    pub id: String,
    /// For people.
    pub label: Label,
    /// What verdicts follow from.
    pub settings: experiment::Settings,
}

/// A stored experiment.
#[derive(Debug, Clone)]
pub struct Experiment {
    /// Its row.
    pub key: ExperimentKey,
    /// Its id.
    pub id: String,
    /// For people.
    pub label: Label,
    /// What verdicts follow from.
    pub settings: experiment::Settings,
    /// When it was created.
    pub created: SystemTime,
}

/// Where a trial is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// In training.
    Running,
    /// Trained to the end.
    Succeeded,
    /// Stopped early by a verdict.
    Stopped,
    /// Ended by an error.
    Failed,
    /// Its worker had to leave.
    Preempted,
    /// Given up.
    Cancelled,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::Running,
        Self::Succeeded,
        Self::Stopped,
        Self::Failed,
        Self::Preempted,
        Self::Cancelled,
    ];

    /// Whether the training has ended.
    pub const fn is_terminal(self) -> bool {
        !matches!(self, Self::Running)
    }

    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Preempted => "preempted",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A stored trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// Its row.
    pub key: TrialKey,
    /// Its id, unique in the experiment.
    pub id: String,
    /// For people.
    pub display_name: String,
    /// Where it is in its life.
    pub state: State,
    /// Why it ended, for people.
    pub message: String,
    /// When it was created.
    pub created: SystemTime,
    /// When its state became terminal.
    pub ended: Option<SystemTime>,
}

/// A logged observation with its decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Logged {
    /// The observation.
    pub observation: Observation,
    /// The decision.
    pub decision: Decision,
}

/// Something to be logged.
#[derive(Debug, Clone)]
pub enum Write {
    /// A new trial in state [`State::Running`].
    Create {
        /// The experiment.
        experiment: ExperimentKey,
        /// Unique in the experiment.
        id: String,
        /// For people.
        display_name: String,
    },
    /// An observation, its decision and, where the decision ends the trial, the
    /// state that the trial enters with it.
    Observe {
        /// The experiment.
        experiment: ExperimentKey,
        /// The trial.
        trial: TrialKey,
        /// Boxed: it is much larger than the other variants.
        logged: Box<Logged>,
        /// The state entered.
        enters: Option<State>,
    },
    /// A change of state.
    Enter {
        /// The experiment.
        experiment: ExperimentKey,
        /// The trial.
        trial: TrialKey,
        /// The state entered.
        state: State,
        /// Why, for people.
        message: String,
    },
}

impl Write {
    /// The experiment that it is about.
    pub const fn experiment(&self) -> ExperimentKey {
        match self {
            Self::Create { experiment, .. }
            | Self::Observe { experiment, .. }
            | Self::Enter { experiment, .. } => *experiment,
        }
    }
}

/// What became of a [`Write`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is on disk, in the log up to this place.
    At(Seq),
    /// There is a trial of that id already; nothing was written.
    IdTaken,
}

/// An entry of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its place.
    pub seq: Seq,
    /// When it was committed.
    pub at: SystemTime,
    /// The trial that it is about.
    pub key: TrialKey,
    /// That trial's id.
    pub trial: String,
    /// What happened.
    pub kind: EventKind,
}

/// What happened to a trial.
#[derive(Debug, Clone, PartialEq)]
pub enum EventKind {
    /// An observation was decided on.
    Observed(Box<Logged>),
    /// The trial entered a state.
    Entered(State),
}

/// The log of a prediction server. What a call returns is on disk; a call that
/// fails has stored nothing.
#[async_trait]
pub trait Trials: fmt::Debug + Send + Sync + 'static {
    /// Stores an experiment unless its id is taken; returns what is stored under
    /// the id and whether it is new.
    async fn create_experiment(
        &self,
        new: NewExperiment,
        at: SystemTime,
    ) -> Result<(Experiment, bool), Error>;

    /// The experiment of that id.
    async fn experiment(&self, id: &str) -> Result<Option<Experiment>, Error>;

    /// At most `limit` experiments with ids after `after`, by id.
    async fn experiments(&self, after: &str, limit: u32) -> Result<Vec<Experiment>, Error>;

    /// The trial of that id.
    async fn trial(&self, experiment: ExperimentKey, id: &str) -> Result<Option<Trial>, Error>;

    /// At most `limit` trials after `after`, by creation.
    async fn trials(
        &self,
        experiment: ExperimentKey,
        after: TrialKey,
        limit: u32,
    ) -> Result<Vec<Trial>, Error>;

    /// A trial's observations and decisions in the order of their arrival.
    async fn observations(&self, trial: TrialKey) -> Result<Vec<Logged>, Error>;

    /// Writes all in one commit, in order.
    async fn commit(&self, writes: &[Write], at: SystemTime) -> Result<Vec<Written>, Error>;

    /// At most `limit` events after `after`, by place.
    async fn events(
        &self,
        experiment: ExperimentKey,
        after: Seq,
        limit: u32,
    ) -> Result<Vec<Event>, Error>;
}
