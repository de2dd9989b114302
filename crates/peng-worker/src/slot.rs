//! A slot: one candidate after the other.

use std::{pin::pin, sync::Arc, time::Duration};

use peng_client::{
    self as client, Client,
    v1::{self, lease_candidate_response::Work},
};
use peng_proto::search::Assignment;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, info_span};

use crate::{
    Error, complete,
    evaluate::Evaluation,
    progress::{Candidate, Measured, Progress, Show},
    train::Trainer,
};

/// How long a call waits for a candidate.
const WAIT: Duration = Duration::from_secs(20);

/// Between calls, however soon the orchestrator says that there is nothing yet.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a worker that leaves waits for what it may have been lent already.
const DECLINE: Duration = Duration::from_secs(1);

/// The target of a candidate's span: all calls for it are one trace.
const TRACE: &str = "peng_worker::trace";

/// One slot of a worker.
#[derive(Clone)]
pub(crate) struct Slot {
    pub(crate) name: String,
    pub(crate) orchestrator: Client,
    pub(crate) trainer: Arc<dyn Trainer>,
    pub(crate) verdict_wait: Duration,
    pub(crate) once: bool,
    pub(crate) show: Show,
    pub(crate) leaving: CancellationToken,
}

impl Slot {
    /// Works until the search is finished or the worker is told to leave.
    pub(crate) async fn run(self) -> Result<(), Error> {
        while !self.leaving.is_cancelled() {
            self.show(None);
            let mut lease = pin!(self.lease());
            let work = tokio::select! {
                biased;
                () = self.leaving.cancelled() => return self.decline(lease).await,
                work = &mut lease => work?,
            };
            match work {
                Some(Work::Assignment(wire)) => {
                    let assignment = Assignment::parse(wire).map_err(Error::Assignment)?;
                    self.evaluate(&assignment).await?;
                    if self.once {
                        return Ok(());
                    }
                }
                Some(Work::Finished(_)) => {
                    tracing::info!("the search is finished");
                    return Ok(());
                }
                Some(Work::Idle(_)) | None => tokio::select! {
                    () = self.leaving.cancelled() => {}
                    () = sleep(PAUSE) => {}
                },
            }
        }
        Ok(())
    }

    /// Gives back what is being lent to a worker that leaves.
    async fn decline(
        &self,
        lease: impl Future<Output = Result<Option<Work>, Error>>,
    ) -> Result<(), Error> {
        let Ok(Ok(Some(Work::Assignment(wire)))) = timeout(DECLINE, lease).await else {
            return Ok(());
        };
        let assignment = Assignment::parse(wire).map_err(Error::Assignment)?;
        let reason = "the worker leaves";
        let given_back = complete::give_back(&self.orchestrator, &assignment, 0.0, reason).await;
        given_back.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: client::Error) -> Error {
        Error::Orchestrator {
            endpoint: self.orchestrator.endpoint().to_owned(),
            source,
        }
    }

    async fn lease(&self) -> Result<Option<Work>, Error> {
        let request = v1::LeaseCandidateRequest {
            search: String::new(),
            worker: self.name.clone(),
            wait: WAIT.try_into().ok(),
            continues: self.trainer.continues(),
        };
        let answer = self.orchestrator.lease_candidate(request).await;
        Ok(answer.map_err(|source| self.failed(source))?.work)
    }

    async fn evaluate(&self, assignment: &Assignment) -> Result<(), Error> {
        let Assignment {
            candidate,
            genome,
            attempt,
            ..
        } = assignment;
        let span = info_span!(target: TRACE, "candidate", id = %candidate.id);
        let predictor = match &assignment.predictor {
            Some(address) => self
                .orchestrator
                .connect_lazy_to(address)
                .map_err(Error::Address)?,
            None => self.orchestrator.clone(),
        };
        let show = |last: Option<Measured>| {
            self.show(Some(Candidate {
                id: candidate.id.to_string(),
                epochs: assignment.training.epochs,
                last,
                held: complete::held(assignment),
            }));
        };
        show(None);
        let evaluation = Evaluation {
            orchestrator: &self.orchestrator,
            predictor: &predictor,
            trainer: &self.trainer,
            verdict_wait: self.verdict_wait,
            show: &show,
            leaving: &self.leaving,
        };
        async {
            tracing::info!(%genome, attempt, "leased");
            evaluation.run(assignment).await
        }
        .instrument(span)
        .await
    }

    fn show(&self, candidate: Option<Candidate>) {
        let slot = self.name.clone();
        (self.show)(&Progress { slot, candidate });
    }
}
