//! Experiments: create, get, list, delete.

use std::time::SystemTime;

use peng_proto::{
    error::{Error, Reason},
    experiment::{self, Label},
    names, v1,
};
use peng_store::{Deleted, Experiment, NewExperiment, OnlyIf};

use super::{Service, id, name, page_size};
use crate::{auth::Caller, storage, sync::apart};

/// Experiments that are read at once, where only some of them may be seen.
const AT_ONCE: u32 = 100;

impl Service {
    pub(super) async fn create_experiment(
        &self,
        caller: &Caller,
        request: v1::CreateExperimentRequest,
    ) -> Result<v1::CreateExperimentResponse, Error> {
        let id = id("experiment_id", &request.experiment_id)?;
        caller.check(&names::Experiment(id.clone()))?;
        let wire = request.experiment.ok_or_else(|| {
            Error::field(
                "experiment",
                "is missing; one with a target_epoch would be right",
            )
        })?;
        let parse = || Ok((Label::parse(&wire)?, experiment::parse(&wire)?));
        let (label, settings) = parse().map_err(|error: Error| error.within("experiment"))?;
        let label = peng_store::Label {
            display_name: label.display_name.into(),
            metric: label.metric.into(),
            unit: label.unit.into(),
        };
        let new = NewExperiment {
            id: id.to_string(),
            label: label.clone(),
            settings: settings.clone(),
        };
        let (stored, is_new) = self
            .store
            .create_experiment(new, SystemTime::now())
            .await
            .map_err(storage::refusal)?;
        if is_new || (stored.settings == settings && stored.label == label) {
            Ok(v1::CreateExperimentResponse {
                experiment: Some(to_wire(&stored)),
            })
        } else {
            Err(Error::of_field(
                Reason::IdTaken,
                "experiment_id",
                format!(
                    "there is another experiment `{id}` with other settings; choose another id"
                ),
            ))
        }
    }

    pub(super) async fn get_experiment(
        &self,
        caller: &Caller,
        request: v1::GetExperimentRequest,
    ) -> Result<v1::GetExperimentResponse, Error> {
        let name: names::Experiment = name("name", &request.name)?;
        caller.check(&name)?;
        let (experiment, calibration) = self.sessions.calibration(&name).await?;
        Ok(v1::GetExperimentResponse {
            experiment: Some(v1::Experiment {
                calibration: calibration.as_ref().map(experiment::calibration_to_wire),
                ..to_wire(&experiment)
            }),
        })
    }

    pub(super) async fn delete_experiment(
        &self,
        caller: &Caller,
        request: v1::DeleteExperimentRequest,
    ) -> Result<v1::DeleteExperimentResponse, Error> {
        let name: names::Experiment = name("name", &request.name)?;
        caller.check(&name)?;
        let only_if = if request.force {
            OnlyIf::Any
        } else {
            OnlyIf::Empty
        };
        let stored = self.store.experiment(name.0.as_str()).await;
        let deleted = match stored.map_err(storage::refusal)? {
            Some(stored) => {
                let (deletions, caller, name) =
                    (self.deletions.clone(), caller.clone(), name.clone());
                // What follows from it is done, and told, where who asked has gone.
                apart(async move {
                    let deleted = deletions.delete(&name, stored.key, only_if).await?;
                    if deleted == Deleted::Done {
                        caller.has_deleted(&name);
                    }
                    Ok::<_, Error>(deleted)
                })
                .await?
            }
            None => Deleted::NotFound,
        };
        match deleted {
            Deleted::Done => {}
            Deleted::NotFound if request.allow_missing => {}
            Deleted::NotFound => {
                return Err(Error::new(
                    Reason::NotFound,
                    format!("there is no experiment `{name}`; allow_missing takes it as deleted"),
                ));
            }
            Deleted::Kept => {
                return Err(Error::of_field(
                    Reason::HasTrials,
                    "force",
                    format!("`{name}` has trials; true deletes them with it"),
                ));
            }
        }
        Ok(v1::DeleteExperimentResponse {})
    }

    pub(super) async fn list_experiments(
        &self,
        caller: &Caller,
        request: v1::ListExperimentsRequest,
    ) -> Result<v1::ListExperimentsResponse, Error> {
        let size = page_size(request.page_size)?;
        // The token is the last id of the page before.
        let after = match request.page_token.as_str() {
            "" => String::new(),
            token => id("page_token", token)?.to_string(),
        };
        let (seen, is_last) = self.visible(caller, after, size).await?;
        let next = seen.last().filter(|_| !is_last);
        Ok(v1::ListExperimentsResponse {
            next_page_token: next.map(|last| last.id.clone()).unwrap_or_default(),
            experiments: seen.iter().map(to_wire).collect(),
        })
    }

    /// At most `size` experiments after `after` that the caller may see, and whether there are no
    /// others. Those that it may not see are passed over, so that no page token names one.
    async fn visible(
        &self,
        caller: &Caller,
        mut after: String,
        size: u32,
    ) -> Result<(Vec<Experiment>, bool), Error> {
        let is_visible = |stored: &Experiment| {
            let id = stored.id.parse().map(names::Experiment);
            id.is_ok_and(|name| caller.sees(&name))
        };
        let mut seen = Vec::new();
        loop {
            let missing = size as usize - seen.len();
            let limit = size.max(AT_ONCE);
            let page = self.store.experiments(&after, limit).await;
            let page = page.map_err(storage::refusal)?;
            let is_last = page.len() < limit as usize;
            if let Some(last) = page.last() {
                after.clone_from(&last.id);
            }
            let mut found = page.into_iter().filter(is_visible);
            seen.extend(found.by_ref().take(missing));
            if found.next().is_some() {
                return Ok((seen, false));
            }
            if is_last {
                return Ok((seen, true));
            }
        }
    }
}

fn to_wire(stored: &Experiment) -> v1::Experiment {
    v1::Experiment {
        name: format!("experiments/{}", stored.id),
        display_name: stored.label.display_name.clone(),
        metric: stored.label.metric.clone(),
        unit: stored.label.unit.clone(),
        create_time: Some(stored.created.into()),
        ..experiment::to_wire(&stored.settings)
    }
}
