//! Handing a candidate back. The orchestrator then ends the trial.

use std::time::Duration;

use peng_client::{
    Client, Error, Options,
    v1::{self, CandidateState},
};
use peng_proto::search::Assignment;

use crate::{attempt::Ending, lease, progress::Held};

/// How long a worker that leaves tries to say so.
pub(crate) const FAREWELL: Duration = Duration::from_secs(5);

/// Settles the candidate as the attempt ended. The server's word where it is no longer this
/// worker's: lent to another, or settled before.
pub(crate) async fn settle(
    orchestrator: &Client,
    assignment: &Assignment,
    ending: &Ending,
    epochs: f64,
) -> Result<Option<Error>, Error> {
    let (state, measured, reason) = match ending {
        Ending::Succeeded { measured } => (CandidateState::Succeeded, Some(*measured), ""),
        Ending::Stopped => (CandidateState::Stopped, None, ""),
        Ending::Failed { reason } => (CandidateState::Failed, None, reason.as_str()),
    };
    let outcome = v1::Outcome {
        measured,
        epochs,
        reason: reason.to_owned(),
        ..v1::Outcome::default()
    };
    complete(orchestrator, &held(assignment), state, outcome).await
}

/// Gives the candidate back, to be lent again. Tried for a short while only: a lease that cannot
/// be given back runs out.
pub(crate) async fn give_back(
    orchestrator: &Client,
    assignment: &Assignment,
    epochs: f64,
    reason: &str,
) -> Result<(), Error> {
    let outcome = v1::Outcome {
        epochs,
        reason: reason.to_owned(),
        ..v1::Outcome::default()
    };
    let orchestrator = in_short(orchestrator);
    let held = held(assignment);
    complete(&orchestrator, &held, CandidateState::Preempted, outcome).await?;
    Ok(())
}

/// Gives back what a slot had that has crashed: it is lent again at once, or fails if it was lost
/// too often. Tried for a short while only.
pub async fn lose(orchestrator: &Client, held: &Held, reason: &str) -> Result<(), Error> {
    let outcome = v1::Outcome {
        reason: reason.to_owned(),
        ..v1::Outcome::default()
    };
    let orchestrator = in_short(orchestrator);
    complete(&orchestrator, held, CandidateState::Lost, outcome).await?;
    Ok(())
}

fn in_short(orchestrator: &Client) -> Client {
    orchestrator.with_options(Options {
        answer: FAREWELL,
        patience: FAREWELL,
        ..Options::default()
    })
}

/// The lease of an assignment.
pub(crate) fn held(assignment: &Assignment) -> Held {
    Held {
        candidate: assignment.candidate.to_string(),
        token: assignment.lease.token.clone(),
    }
}

/// A candidate that is no longer this worker's is left alone.
async fn complete(
    orchestrator: &Client,
    held: &Held,
    state: CandidateState,
    outcome: v1::Outcome,
) -> Result<Option<Error>, Error> {
    let request = v1::CompleteCandidateRequest {
        candidate: held.candidate.clone(),
        lease_token: held.token.clone(),
        state: state.into(),
        outcome: Some(outcome),
    };
    match orchestrator.complete_candidate(request).await {
        Ok(_) => Ok(None),
        Err(error) if lease::is_over(&error) => {
            tracing::warn!(%error, "the candidate is no longer ours");
            Ok(Some(error))
        }
        Err(error) => Err(error),
    }
}
