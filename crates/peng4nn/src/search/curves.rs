//! The learning curves of the settled candidates, from the prediction server's log.

use std::collections::HashMap;

use peng_client::Client;
use peng_orchestrator::progress::Snapshot;
use peng_proto::{
    names,
    search::trial_name,
    v1::{ListTrialsRequest, TrialView},
};

use super::args::Plan;

/// One point of a curve.
#[derive(Debug, serde::Serialize)]
pub(super) struct Point {
    curve_id: String,
    epoch: f64,
    val_accuracy: f64,
}

impl Point {
    /// A value in percent at an epoch.
    pub(super) fn new(curve_id: impl Into<String>, epoch: f64, val_accuracy: f64) -> Self {
        Self {
            curve_id: curve_id.into(),
            epoch,
            val_accuracy,
        }
    }
}

/// All points of the attempts that settled their candidates, by candidate and epoch.
pub(super) async fn fetch(
    predictor: &Client,
    plan: &Plan,
    snapshot: &Snapshot,
) -> Result<Vec<Point>, peng_client::Error> {
    let search = &plan.config.search;
    let mut curves = trials(predictor, search).await?;
    let settled = snapshot.candidates.iter().filter(|c| c.outcome().is_some());
    Ok(settled
        .flat_map(|candidate| {
            let trial = trial_name(search, candidate.id, candidate.trial()).to_string();
            let curve = curves.remove(&trial).unwrap_or_default();
            let id = candidate.id.to_string();
            let points = curve.into_iter();
            points.map(move |(epoch, value)| Point::new(id.clone(), epoch, value))
        })
        .collect())
}

/// The curve of every trial of the search's experiment, by name.
async fn trials(
    predictor: &Client,
    search: &names::Search,
) -> Result<HashMap<String, Vec<(f64, f64)>>, peng_client::Error> {
    let mut curves = HashMap::new();
    let mut request = ListTrialsRequest {
        parent: names::Experiment(search.0.clone()).to_string(),
        page_size: 100,
        view: TrialView::Full.into(),
        ..ListTrialsRequest::default()
    };
    loop {
        let page = predictor.list_trials(request.clone()).await?;
        for trial in page.trials {
            let points = trial.observations.iter();
            let points = points.filter_map(|decided| decided.observation);
            curves.insert(trial.name, points.map(|o| (o.epoch, o.value)).collect());
        }
        if page.next_page_token.is_empty() {
            return Ok(curves);
        }
        request.page_token = page.next_page_token;
    }
}
