//! A curve in, a decision out; nothing is stored.

use std::sync::Arc;

use peng_predict::{Mode, Observation, experiment::Settings, trial};
use peng_proto::{
    error::{Error, Reason},
    experiment,
    trial::{decision_to_wire, parse_observation},
    v1,
};
use tokio_util::sync::CancellationToken;

use super::{Service, shutting_down};
use crate::auth::Caller;

impl Service {
    pub(super) async fn predict_fitness(
        &self,
        caller: &Caller,
        request: v1::PredictFitnessRequest,
    ) -> Result<v1::PredictFitnessResponse, Error> {
        caller.check_any()?;
        let count = request.observations.len();
        let most = self.limits.curve_observations;
        if count == 0 || count > most {
            let wrong = format!("has {count} entries; 1 to {most} would be right");
            return Err(Error::field("observations", wrong));
        }
        let settings = experiment::parse_curve(&request)?;
        let mut curve = request
            .observations
            .into_iter()
            .enumerate()
            .map(|(index, wire)| parse_observation(&format!("observations[{index}]"), Some(wire)))
            .collect::<Result<Vec<_>, _>>()?;
        curve.sort_by_key(|observation| observation.epoch);
        // A long curve takes a while: other calls do not wait for it, and no more
        // curves are at work than there are cores.
        let core = self.cores.clone().acquire_owned().await;
        let core = core.map_err(|_| shutting_down())?;
        let gone = CancellationToken::new();
        let _gone = gone.clone().drop_guard();
        let prediction = tokio::task::spawn_blocking(move || {
            let _core = core;
            predict(settings, &curve, &gone)
        });
        prediction
            .await
            .map_err(|_| Error::new(Reason::Internal, "the prediction was lost"))?
    }
}

/// Ends early once nobody waits for it.
fn predict(
    settings: Settings,
    curve: &[Observation],
    gone: &CancellationToken,
) -> Result<v1::PredictFitnessResponse, Error> {
    let refused = |error| Error::field("observations", error);
    let decision = trial::decide(&settings, curve).map_err(refused)?;
    let mut session = trial::Session::new(Arc::new(settings));
    for observation in curve {
        let decision = session.observe(*observation).map_err(refused)?;
        if decision.is_stop() || gone.is_cancelled() {
            break;
        }
    }
    let stop = session.stop().map(|(epoch, decision)| v1::Stop {
        epoch: epoch.get(),
        decision: Some(decision_to_wire(decision, Mode::Enforce)),
    });
    Ok(v1::PredictFitnessResponse {
        decision: Some(decision_to_wire(&decision, Mode::Enforce)),
        stop,
    })
}
