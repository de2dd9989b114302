//! Verdicts, as they are logged, settle the candidates that they stop.

use std::sync::Arc;

use peng_client::{Client, Error as ClientError};
use peng_predict::Mode;
use peng_proto::v1::{self, watch_experiment_response::Event};
use tokio::time::sleep;
use tracing::warn;

use crate::{attempt::Attempt, expiry::RETRY, ledger::Ledger, progress::Kind, verdict::Stop};

/// Follows the experiment from the event after `token` on, for as long as it is polled. Returns
/// only when the prediction server refuses.
pub(crate) async fn run(ledger: Arc<Ledger>, client: Client, token: String) {
    let experiment = ledger.config.experiment().to_string();
    let mut watcher = client.watch(experiment, token);
    loop {
        match watcher.next().await {
            Ok(event) => act(&ledger, event).await,
            Err(error @ ClientError::GaveUp { .. }) => {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "no verdicts: trying on"
                );
            }
            Err(error) => return ledger.fail(error),
        }
    }
}

async fn act(ledger: &Arc<Ledger>, event: v1::WatchExperimentResponse) {
    let Some((attempt, observed)) = observed(event.event, &event.trial) else {
        return;
    };
    let stop = Stop::of_observed(&observed);
    let outcome = stop
        .filter(|_| ledger.config.mode == Mode::Enforce)
        .map(Stop::obeyed);
    let (observation, decision) = (observed.observation, observed.decision);
    let observation = observation.unwrap_or_default();
    let kind = Kind::Observed {
        epoch: observation.epoch,
        value: observation.value,
        decision: decision.unwrap_or_default(),
    };
    loop {
        let (kind, outcome) = (kind.clone(), outcome.clone());
        let noted = ledger
            .observe(attempt, kind, outcome, event.resume_token.clone())
            .await;
        let Err(error) = noted else { return };
        warn!(
            error = &error as &dyn std::error::Error,
            "cannot act on a verdict: trying on"
        );
        sleep(RETRY).await;
    }
}

/// The observation of an attempt; `None` for another event or the trial of something else.
fn observed(event: Option<Event>, trial: &str) -> Option<(Attempt, v1::DecidedObservation)> {
    match event? {
        Event::Observed(observed) => Some((Attempt::of_trial(trial)?, observed)),
        Event::StateEntered(_) | Event::RolledBackTo(_) => None,
    }
}
