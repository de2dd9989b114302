//! An experiment at work: trials that learn from each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Settings;
use crate::observation::Observation;
use crate::policy::{Calibration, Peers};
use crate::rate::Schedule;
use crate::trial::{Error, Session};
use crate::verdict::Decision;

/// A live experiment: hands out the sessions of its trials and holds what its policy has learned
/// from them. A clone is the same experiment.
///
/// Sessions of one experiment may be used from several threads. A policy that compares trials
/// decides by what has been observed so far in all of them, so that the order of arrival over all
/// trials is part of its input; whoever logs decisions must log them in that order
/// ([`crate::policy::Spec::compares_trials`]). The state is bounded, and the cost of a decision
/// grows at most with the logarithm of the number of trials, or up to a fixed number of them.
#[derive(Clone, Debug)]
pub struct Experiment {
    settings: Arc<Settings>,
    peers: Arc<dyn Peers>,
}

/// What happened to a trial of an experiment, as a log holds it.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every event is an observation"
)]
pub enum Event {
    /// It began, and declared that its learning rate will run like this; before anything else of
    /// the trial.
    Declared(Arc<Schedule>),
    /// It reported, and this was decided.
    Observed(Observation, Decision),
    /// It was trained to the end.
    Completed,
    /// It ended otherwise: stopped, failed, preempted or cancelled.
    Ended,
}

impl Experiment {
    /// An experiment without trials.
    pub fn new(settings: Arc<Settings>) -> Self {
        let peers = settings.policy.open();
        Self { settings, peers }
    }

    /// What its trials have in common.
    pub fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// How the policy's predictions have fared so far, where it keeps account of it.
    pub fn calibration(&self) -> Option<Calibration> {
        self.peers.calibration()
    }

    /// A new trial. `trial` is a number of its own in this experiment; a policy may treat trials
    /// differently by it, at random but reproducibly.
    pub fn start(&self, trial: u64) -> Session {
        self.start_as(trial, None)
    }

    /// A new trial that declares how its learning rate will run, or does not.
    pub fn start_as(&self, trial: u64, schedule: Option<Arc<Schedule>>) -> Session {
        Session::join(Arc::clone(&self.settings), self.peers.join(trial), schedule)
    }

    /// A trial of which the experiment has learned already, rebuilt from its log in the order of
    /// arrival: after its session was dropped to free memory.
    pub fn recall(
        &self,
        trial: u64,
        schedule: Option<Arc<Schedule>>,
        log: impl IntoIterator<Item = (Observation, Decision)>,
    ) -> Result<Session, Error> {
        let mut session = self.start_as(trial, schedule);
        for (observation, decision) in log {
            session.recall(observation, decision)?;
        }
        Ok(session)
    }

    /// An experiment rebuilt from its log: events of all trials in their order of arrival. Also
    /// gives the sessions of the trials that have not ended. The logged decisions are taken as
    /// they are; later ones are as if there had been no interruption.
    pub fn restore(
        settings: Arc<Settings>,
        log: impl IntoIterator<Item = (u64, Event)>,
    ) -> Result<(Self, BTreeMap<u64, Session>), Error> {
        let experiment = Self::new(settings);
        let mut sessions = BTreeMap::new();
        for (trial, event) in log {
            let declared = match &event {
                Event::Declared(schedule) => Some(Arc::clone(schedule)),
                _ => None,
            };
            let session = sessions
                .entry(trial)
                .or_insert_with(|| experiment.start_as(trial, declared));
            match event {
                Event::Declared(_) => {}
                Event::Observed(observation, decision) => session.record(observation, decision)?,
                Event::Completed => {
                    session.complete();
                    sessions.remove(&trial);
                }
                Event::Ended => {
                    sessions.remove(&trial);
                }
            }
        }
        Ok((experiment, sessions))
    }
}
