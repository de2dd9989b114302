//! Trials: create, get, list, complete.

use std::{
    sync::{Arc, atomic::Ordering},
    time::SystemTime,
};

use peng_predict::{Decision, Epoch, Mode, rate::Schedule};
use peng_proto::{
    error::{Error, Reason},
    names, rate,
    text::{self, Text},
    trial::{decision_to_wire, observation_to_wire},
    v1,
};
use peng_store::{Logged, State, Trial, TrialKey, Version, Write, Written};
use prost::Message as _;

use super::{Service, id, name, page_size};
use crate::{
    auth::Caller,
    commit::Lost,
    experiments::Experiment,
    live::{Extent, Snapshot},
    storage,
};

/// A page of trials with their curves is no larger, unless one trial alone is: clients of gRPC
/// take 4 MiB unless they are told otherwise.
const PAGE_BYTES: usize = 3 << 20;

impl Service {
    pub(super) async fn create_trial(
        &self,
        caller: &Caller,
        request: v1::CreateTrialRequest,
    ) -> Result<v1::CreateTrialResponse, Error> {
        let parent: names::Experiment = name("parent", &request.parent)?;
        caller.check(&parent)?;
        let id = id("trial_id", &request.trial_id)?;
        let wire = request.trial.unwrap_or_default();
        let display_name: Text<200> = text::parse("trial.display_name", wire.display_name)?;
        let schedule = wire
            .schedule
            .map(|wire| rate::parse("trial.schedule", wire));
        let schedule = schedule.transpose()?;
        let mut experiment = self.sessions.experiment(&parent).await?;
        let mut written = self
            .insert_trial(&experiment, &id, &display_name, schedule.as_ref())
            .await?;
        if written == Written::IdTaken {
            // Perhaps by nobody: the experiment that is known here may be gone.
            let now = self.sessions.experiment_now(&parent).await?;
            if now.key != experiment.key {
                written = self
                    .insert_trial(&now, &id, &display_name, schedule.as_ref())
                    .await?;
                experiment = now;
            }
        }
        let name = names::Trial {
            experiment: parent,
            id,
        };
        if let Written::Created { key, at, .. } = written {
            let row = beginning(key, at, &name.id, display_name.into(), schedule);
            let wire = to_wire(&experiment, &Snapshot::unobserved(row.clone()));
            self.sessions.begin(&name, experiment, row)?;
            return Ok(v1::CreateTrialResponse { trial: Some(wire) });
        }
        let (experiment, snapshot) = self.sessions.read(&name, Extent::Last).await?;
        let row = &snapshot.row;
        if row.display_name != *display_name || row.schedule.as_deref() != schedule.as_ref() {
            return Err(Error::of_field(
                Reason::IdTaken,
                "trial_id",
                format!(
                    "there is another trial `{}` with another display_name or schedule",
                    name.id
                ),
            ));
        }
        Ok(v1::CreateTrialResponse {
            trial: Some(to_wire(&experiment, &snapshot)),
        })
    }

    async fn insert_trial(
        &self,
        experiment: &Experiment,
        id: &names::Id,
        display_name: &str,
        schedule: Option<&Schedule>,
    ) -> Result<Written, Error> {
        let trials = experiment.trials(&*self.store).await?;
        let limit = self.limits.experiment_trials;
        if trials.load(Ordering::Relaxed) >= limit as u64 && !self.has_trial(experiment, id).await?
        {
            let parent = &experiment.id;
            return Err(Error::new(
                Reason::TooManyTrials,
                format!(
                    "`experiments/{parent}` has {limit} trials, which is limits.experiment_trials"
                ),
            ));
        }
        let write = Write::Create {
            experiment: experiment.key,
            id: id.to_string(),
            display_name: display_name.to_owned(),
            schedule: schedule.cloned(),
        };
        let place = self.committer.place().await?;
        let written = place.write(write, None).durable().await;
        let written = written.map_err(Lost::give_up)?;
        if written != Written::IdTaken {
            trials.fetch_add(1, Ordering::Relaxed);
        }
        Ok(written)
    }

    async fn has_trial(&self, experiment: &Experiment, id: &names::Id) -> Result<bool, Error> {
        let found = self.store.trial(experiment.key, id.as_str()).await;
        Ok(found.map_err(storage::refusal)?.is_some())
    }

    pub(super) async fn get_trial(
        &self,
        caller: &Caller,
        request: v1::GetTrialRequest,
    ) -> Result<v1::GetTrialResponse, Error> {
        let name: names::Trial = name("name", &request.name)?;
        caller.check(&name.experiment)?;
        let extent = extent(request.view)?;
        let (experiment, snapshot) = self.sessions.read(&name, extent).await?;
        Ok(v1::GetTrialResponse {
            trial: Some(to_wire(&experiment, &snapshot)),
        })
    }

    pub(super) async fn list_trials(
        &self,
        caller: &Caller,
        request: v1::ListTrialsRequest,
    ) -> Result<v1::ListTrialsResponse, Error> {
        let parent: names::Experiment = name("parent", &request.parent)?;
        caller.check(&parent)?;
        let extent = extent(request.view)?;
        let size = page_size(request.page_size)?;
        let after = page_token(&request.page_token)?;
        let experiment = self.sessions.experiment_now(&parent).await?;
        let rows = self
            .store
            .trials(experiment.key, after, size)
            .await
            .map_err(storage::refusal)?;
        let full = rows.len() == size as usize;
        let last = rows.last().map(|row| row.key);
        let mut trials = Vec::with_capacity(rows.len());
        let mut bytes = 0;
        let mut shown = after;
        for row in rows {
            let key = row.key;
            let live = self.sessions.load(experiment.clone(), row).await?;
            let trial = to_wire(&experiment, &live.snapshot(extent));
            bytes += trial.encoded_len();
            if bytes > PAGE_BYTES && !trials.is_empty() {
                break;
            }
            trials.push(trial);
            shown = key;
        }
        let next = last.filter(|&last| full || last != shown).map(|_| shown);
        Ok(v1::ListTrialsResponse {
            trials,
            next_page_token: next.map(|key| key.get().to_string()).unwrap_or_default(),
        })
    }

    pub(super) async fn complete_trial(
        &self,
        caller: &Caller,
        request: v1::CompleteTrialRequest,
    ) -> Result<v1::CompleteTrialResponse, Error> {
        let name: names::Trial = name("name", &request.name)?;
        caller.check(&name.experiment)?;
        let state = terminal(request.state)?;
        let message: Text<1000> = text::parse("message", request.message)?;
        let (experiment, snapshot) = self.sessions.complete(&name, state, &message).await?;
        Ok(v1::CompleteTrialResponse {
            trial: Some(to_wire(&experiment, &snapshot)),
        })
    }
}

/// The row of a trial as it is created.
fn beginning(
    key: TrialKey,
    at: SystemTime,
    id: &names::Id,
    display_name: String,
    schedule: Option<Schedule>,
) -> Trial {
    Trial {
        key,
        id: id.to_string(),
        display_name,
        schedule: schedule.map(Arc::new),
        state: State::Running,
        message: String::new(),
        created: at,
        ended: None,
        version: Version::default(),
    }
}

impl Service {
    pub(super) async fn roll_back_trial(
        &self,
        caller: &Caller,
        request: v1::RollBackTrialRequest,
    ) -> Result<v1::RollBackTrialResponse, Error> {
        let name: names::Trial = name("name", &request.name)?;
        caller.check(&name.experiment)?;
        let epoch = Epoch::new(request.epoch).map_err(|error| Error::field("epoch", error))?;
        self.sessions.roll_back(&name, epoch).await?;
        let (experiment, snapshot) = self.sessions.read(&name, Extent::Last).await?;
        Ok(v1::RollBackTrialResponse {
            trial: Some(to_wire(&experiment, &snapshot)),
        })
    }
}

/// The token is the key of the last trial of the page before.
fn page_token(token: &str) -> Result<TrialKey, Error> {
    if token.is_empty() {
        return Ok(TrialKey::FIRST);
    }
    let key = token.parse().map_err(|_| {
        Error::field(
            "page_token",
            format!("`{token}` is not the next_page_token of a page before"),
        )
    })?;
    Ok(TrialKey::new(key))
}

fn terminal(state: i32) -> Result<State, Error> {
    match v1::TrialState::try_from(state) {
        Ok(v1::TrialState::Succeeded) => Ok(State::Succeeded),
        Ok(v1::TrialState::Stopped) => Ok(State::Stopped),
        Ok(v1::TrialState::Failed) => Ok(State::Failed),
        Ok(v1::TrialState::Preempted) => Ok(State::Preempted),
        Ok(v1::TrialState::Cancelled) => Ok(State::Cancelled),
        Ok(v1::TrialState::Unspecified | v1::TrialState::Running) | Err(_) => Err(Error::field(
            "state",
            "is no end; SUCCEEDED, STOPPED, FAILED, PREEMPTED or CANCELLED would be right",
        )),
    }
}

/// A state for the wire.
pub(super) const fn state_to_wire(state: State) -> v1::TrialState {
    match state {
        State::Running => v1::TrialState::Running,
        State::Succeeded => v1::TrialState::Succeeded,
        State::Stopped => v1::TrialState::Stopped,
        State::Failed => v1::TrialState::Failed,
        State::Preempted => v1::TrialState::Preempted,
        State::Cancelled => v1::TrialState::Cancelled,
    }
}

/// What a view shows of a curve.
fn extent(view: i32) -> Result<Extent, Error> {
    match v1::TrialView::try_from(view) {
        Ok(v1::TrialView::Unspecified | v1::TrialView::Basic) => Ok(Extent::Last),
        Ok(v1::TrialView::Full) => Ok(Extent::Whole),
        Err(_) => Err(Error::field(
            "view",
            "TRIAL_VIEW_BASIC or TRIAL_VIEW_FULL would be right",
        )),
    }
}

/// An observation and its decision for the wire.
pub(super) fn logged_to_wire(logged: &Logged, mode: Mode) -> v1::DecidedObservation {
    v1::DecidedObservation {
        observation: Some(observation_to_wire(logged.observation)),
        decision: Some(decision_to_wire(&logged.decision, mode)),
    }
}

fn to_wire(experiment: &Experiment, snapshot: &Snapshot) -> v1::Trial {
    let mode = experiment.settings.mode;
    let row = &snapshot.row;
    let last = snapshot.last.as_ref();
    let (fitness, source) = fitness(snapshot);
    let observations = snapshot.curve.iter();
    v1::Trial {
        name: format!("experiments/{}/trials/{}", experiment.id, row.id),
        display_name: row.display_name.clone(),
        state: state_to_wire(row.state).into(),
        fitness,
        fitness_source: source.into(),
        last_observation: last.map(|logged| observation_to_wire(logged.observation)),
        last_decision: last.map(|logged| decision_to_wire(&logged.decision, mode)),
        stop: snapshot.stop.as_ref().map(|(epoch, decision)| v1::Stop {
            epoch: epoch.get(),
            decision: Some(decision_to_wire(decision, mode)),
        }),
        observation_count: u32::try_from(snapshot.observations).unwrap_or(u32::MAX),
        observations: observations
            .map(|logged| logged_to_wire(logged, mode))
            .collect(),
        create_time: Some(row.created.into()),
        end_time: row.ended.map(Into::into),
        message: row.message.clone(),
        schedule: row.schedule.as_deref().map(rate::to_wire),
    }
}

/// What the search ranks by: measured where the training went to its end,
/// predicted where a verdict ended it.
fn fitness(snapshot: &Snapshot) -> (Option<f64>, v1::FitnessSource) {
    let measured = snapshot
        .last
        .as_ref()
        .map(|logged| logged.observation.value)
        .filter(|value| value.is_finite());
    let predicted = |(_, decision): &(_, Decision)| decision.prediction.as_ref().map(|p| p.fitness);
    let (value, source) = match snapshot.row.state {
        State::Succeeded => (measured, v1::FitnessSource::Measured),
        State::Stopped => match snapshot.stop.as_ref().and_then(predicted) {
            Some(fitness) => (Some(fitness), v1::FitnessSource::Predicted),
            None => (measured, v1::FitnessSource::Measured),
        },
        _ => (None, v1::FitnessSource::Unspecified),
    };
    match value {
        Some(value) => (Some(value), source),
        None => (None, v1::FitnessSource::Unspecified),
    }
}
