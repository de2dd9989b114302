//! The log of a prediction server: experiments, trials and what happened to them.

use std::{fmt, sync::Arc, time::SystemTime};

use async_trait::async_trait;
use peng_predict::{Decision, Epoch, Observation, experiment, rate};
use serde::{Deserialize, Serialize};

use crate::{Deleted, Error, OnlyIf};

/// The row of an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExperimentKey(pub(crate) i64);

impl ExperimentKey {
    /// The key's number.
    pub const fn get(self) -> i64 {
        self.0
    }
}

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

/// An event's place in its experiment's log; grows with every commit.
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

/// How far a trial or an experiment has come: 0 at first, one more with every
/// write that rests on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(i64);

impl Version {
    /// The version of that number, from [`Version::get`].
    pub const fn new(version: i64) -> Self {
        Self(version)
    }

    /// The version's number.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// After one more write.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// What the writer knew: the log as it was at this version. A write is refused
/// as [`Written::Stale`] where the log has come further, so that nothing is
/// decided without what another server has committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The log of the trial alone.
    Trial(Version),
    /// The logs of all trials of the experiment, where they are compared.
    Experiment(Version),
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
    /// Writes that rest on [`Basis::Experiment`] so far.
    pub version: Version,
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
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// Its row.
    pub key: TrialKey,
    /// Its id, unique in the experiment.
    pub id: String,
    /// For people.
    pub display_name: String,
    /// How its learning rate will run, where it declares that.
    pub schedule: Option<Arc<rate::Schedule>>,
    /// Where it is in its life.
    pub state: State,
    /// Why it ended, for people.
    pub message: String,
    /// When it was created.
    pub created: SystemTime,
    /// When its state became terminal.
    pub ended: Option<SystemTime>,
    /// Writes that rest on [`Basis::Trial`] so far.
    pub version: Version,
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
        /// How its learning rate will run, where it declares that.
        schedule: Option<rate::Schedule>,
    },
    /// An observation, its decision and, where the decision ends the trial, the
    /// state that the trial enters with it.
    Observe {
        /// The experiment.
        experiment: ExperimentKey,
        /// The trial.
        trial: TrialKey,
        /// What it rests on.
        basis: Basis,
        /// Boxed: it is much larger than the other variants.
        logged: Box<Logged>,
        /// The state entered, and when.
        enters: Option<(State, SystemTime)>,
    },
    /// A change of state.
    Enter {
        /// The experiment.
        experiment: ExperimentKey,
        /// The trial.
        trial: TrialKey,
        /// What it rests on.
        basis: Basis,
        /// The state entered.
        state: State,
        /// When, to the microsecond.
        at: SystemTime,
        /// Why, for people.
        message: String,
    },
    /// A trial is rolled back: its observations after an epoch stay in the log and are no
    /// longer part of its curve. A writer that goes on with the trial reads it anew.
    RollBack {
        /// The experiment.
        experiment: ExperimentKey,
        /// The trial.
        trial: TrialKey,
        /// What it rests on.
        basis: Basis,
        /// The last epoch that stays.
        epoch: Epoch,
        /// Whether its STOP is taken back too, and it is [`State::Running`] again.
        resumes: bool,
    },
    /// Writes nothing; tells whether a version is still the last.
    Check {
        /// The experiment.
        experiment: ExperimentKey,
        /// The trial.
        trial: TrialKey,
        /// What may have come further.
        basis: Basis,
    },
}

impl Write {
    /// The experiment that it is about.
    pub const fn experiment(&self) -> ExperimentKey {
        match self {
            Self::Create { experiment, .. }
            | Self::Observe { experiment, .. }
            | Self::Enter { experiment, .. }
            | Self::RollBack { experiment, .. }
            | Self::Check { experiment, .. } => *experiment,
        }
    }
}

/// What became of a [`Write`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is on disk, in the log up to this place.
    At(Seq),
    /// The trial of a [`Write::Create`] is on disk, as it was asked for.
    Created {
        /// The place in the log of its beginning.
        seq: Seq,
        /// Its row.
        key: TrialKey,
        /// When it was created, as it is stored.
        at: SystemTime,
    },
    /// There is a trial of that id already, or no such experiment any more;
    /// nothing was written.
    IdTaken,
    /// The log has come further than the write's basis, or the trial is gone;
    /// nothing was written, nor will be what follows on the same trial or
    /// experiment in the same commit. The writer must decide anew on the log.
    Stale,
    /// The version that a [`Write::Check`] asks about is the last.
    Current,
}

impl Written {
    /// The place in the log up to which it has grown by the write.
    pub const fn seq(&self) -> Option<Seq> {
        match self {
            Self::At(seq) | Self::Created { seq, .. } => Some(*seq),
            Self::IdTaken | Self::Stale | Self::Current => None,
        }
    }
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
    /// Whether it is an observation that a later rollback has taken back.
    pub retracted: bool,
}

/// What happened to a trial.
#[derive(Debug, Clone, PartialEq)]
pub enum EventKind {
    /// An observation was decided on.
    Observed(Box<Logged>),
    /// The trial entered a state.
    Entered(State),
    /// The trial was rolled back; this is the last epoch that stayed.
    RolledBack(Epoch),
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

    /// How many trials an experiment has; its cost grows with them.
    async fn trial_count(&self, experiment: ExperimentKey) -> Result<u64, Error>;

    /// The trials of an experiment that declare how their learning rate will run.
    async fn schedules(
        &self,
        experiment: ExperimentKey,
    ) -> Result<Vec<(TrialKey, Arc<rate::Schedule>)>, Error>;

    /// A trial's observations and decisions in the order of their arrival.
    async fn observations(&self, trial: TrialKey) -> Result<Vec<Logged>, Error>;

    /// Writes all in one commit, in order. A write that is refused leaves the
    /// others as they are. Each write raises the version of its basis by one, so
    /// several that follow each other in one commit rest on successive versions.
    async fn commit(&self, writes: &[Write], at: SystemTime) -> Result<Vec<Written>, Error>;

    /// At most `limit` events after `after`, by place.
    async fn events(
        &self,
        experiment: ExperimentKey,
        after: Seq,
        limit: u32,
    ) -> Result<Vec<Event>, Error>;

    /// The last place in the log of each of these experiments, [`Seq::START`] of
    /// those without events; those that are gone are left out.
    async fn ends(&self, experiments: &[ExperimentKey])
    -> Result<Vec<(ExperimentKey, Seq)>, Error>;

    /// Deletes an experiment, if it is one that is meant: from then on it is not
    /// found, nothing is written to it, and its id is free. What it consists of
    /// leaves the disk by [`Trials::sweep`].
    async fn delete_experiment(
        &self,
        experiment: ExperimentKey,
        only_if: OnlyIf,
        at: SystemTime,
    ) -> Result<Deleted, Error>;

    /// At most `limit` experiments of which nothing was logged at `since` or later,
    /// by id.
    async fn idle_experiments(
        &self,
        since: SystemTime,
        limit: u32,
    ) -> Result<Vec<Experiment>, Error>;

    /// Removes at most `limit` rows of what is deleted, in one commit; how many
    /// those were. 0 where nothing is left to remove.
    async fn sweep(&self, limit: u32) -> Result<u64, Error>;

    /// Whether other servers may write to the same log.
    fn is_shared(&self) -> bool;
}
