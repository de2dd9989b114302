//! Lending candidates and keeping leases.

use std::time::Duration;

use peng_proto::{
    error::{Error, Reason},
    names, rate,
    search::Lease,
    text::{self, Text},
    v1::{self, lease_candidate_response::Work},
};
use peng_search::{Candidate, Space, lease};
use tokio::{sync::watch, time::Instant};
use tonic::Code;

use super::{Service, failed, lost, shutting_down, unpredicted};
use crate::{attempt::Attempt, ledger::Status, predictor};

/// For the prediction server to hear of what has ended.
const TELL: Duration = Duration::from_secs(3);

const LONGEST_WAIT: Duration = Duration::from_mins(1);

impl Service {
    pub(super) async fn lease_candidate(
        &self,
        request: v1::LeaseCandidateRequest,
    ) -> Result<v1::LeaseCandidateResponse, Error> {
        self.meant("search", &request.search)?;
        let worker: Text<100> = text::parse("worker", request.worker)?;
        if worker.is_empty() {
            return Err(Error::field(
                "worker",
                "is empty; the worker's own name would be right",
            ));
        }
        let until = Instant::now() + wait(request.wait)?;
        let work = self.work(&worker, request.continues, until).await?;
        Ok(v1::LeaseCandidateResponse { work: Some(work) })
    }

    /// The first answer that is not to wait, or idleness when the time is up.
    async fn work(&self, worker: &str, continues: bool, until: Instant) -> Result<Work, Error> {
        let mut changes = self.ledger.status();
        loop {
            if self.leaving.is_cancelled() {
                return Err(shutting_down());
            }
            if let Some(work) = self.work_now(worker, continues, &mut changes).await? {
                return Ok(work);
            }
            tokio::select! {
                change = changes.changed() => change.map_err(|_| shutting_down())?,
                () = tokio::time::sleep_until(until) => return Ok(Work::Idle(v1::Idle {})),
                () = self.leaving.cancelled() => return Err(shutting_down()),
            }
        }
    }

    /// What there is to do now. Marks the changes before it looks: one that comes in between is
    /// seen by the next wait.
    async fn work_now(
        &self,
        worker: &str,
        continues: bool,
        changes: &mut watch::Receiver<Status>,
    ) -> Result<Option<Work>, Error> {
        if matches!(*changes.borrow_and_update(), Status::Opened) {
            return Ok(None);
        }
        let leased = self.ledger.lease(worker.to_owned(), continues).await;
        match leased.map_err(failed)? {
            lease::Answer::Leased(candidate) => self.assign(&candidate, worker).await.map(Some),
            lease::Answer::Wait { .. } => Ok(None),
            lease::Answer::Finished => Ok(Some(Work::Finished(v1::Finished {}))),
        }
    }

    /// The assignment of a candidate that is leased. Without a trial there is none, and the
    /// candidate is given back.
    async fn assign(&self, candidate: &Candidate, worker: &str) -> Result<Work, Error> {
        let config = &self.ledger.config;
        let lease = self.lease(candidate)?;
        let trial = Attempt::latest(candidate).trial(&config.search);
        let continued = candidate.continues.is_some();
        if let Err(error) = self.ready_trial(&trial, worker, continued).await {
            let (token, reason) = (lease.token, "its trial is not ready".to_owned());
            let released = self.ledger.release(candidate.id, token, reason).await;
            // A lease that was lost meanwhile is given back already.
            drop(released.map_err(failed)?);
            return Err(error);
        }
        Ok(Work::Assignment(v1::Assignment {
            candidate: Some(self.to_wire(candidate)),
            lease: Some(lease.to_wire()),
            training: Some(config.training.to_wire()),
            trial: trial.to_string(),
            predictor: config.predictor.clone(),
            continued,
        }))
    }

    /// Sees to it that the trial is there. Of one that is continued the prediction server has
    /// heard that the attempt before has ended: later it would end this one.
    async fn ready_trial(
        &self,
        trial: &names::Trial,
        worker: &str,
        continued: bool,
    ) -> Result<(), Error> {
        if continued && !predictor::told(&self.flush, TELL).await {
            return Err(Error::new(
                Reason::PredictorUnavailable,
                "the prediction server has not heard yet that the attempt before has ended",
            ));
        }
        match self.create_trial(trial, worker).await {
            Err(error) if continued && error.code() == Some(Code::AlreadyExists) => Ok(()),
            created => created.map_err(|error| unpredicted(&error)),
        }
    }

    /// Creates a trial that declares the schedule of the training, unless the worker may make of
    /// that what it likes.
    async fn create_trial(
        &self,
        trial: &names::Trial,
        worker: &str,
    ) -> Result<(), peng_client::Error> {
        let config = &self.ledger.config;
        let is_ours = !matches!(config.settings.space, Space::Described(_));
        let schedule = is_ours.then(|| config.training.rate_schedule()).flatten();
        let schedule = schedule.as_ref().map(rate::to_wire);
        self.predictor.create_trial(trial, worker, schedule).await
    }

    pub(super) async fn renew_lease(
        &self,
        request: v1::RenewLeaseRequest,
    ) -> Result<v1::RenewLeaseResponse, Error> {
        let id = self.held(&request.candidate, &request.lease_token)?;
        let renewed = self
            .ledger
            .renew(id, request.lease_token)
            .await
            .map_err(failed)?;
        let lease = self.lease(&renewed.map_err(lost)?)?;
        Ok(v1::RenewLeaseResponse {
            lease: Some(lease.to_wire()),
        })
    }

    /// The lease of a candidate that is leased.
    fn lease(&self, candidate: &Candidate) -> Result<Lease, Error> {
        let lease = candidate.lease().ok_or_else(|| {
            Error::new(
                Reason::Internal,
                format!("candidate {} is not leased", candidate.id),
            )
        })?;
        Ok(Lease {
            token: lease.token.clone(),
            expires: lease.deadline,
            duration: self.ledger.config.settings.lease,
        })
    }
}

fn wait(wait: Option<prost_types::Duration>) -> Result<Duration, Error> {
    let Some(wait) = wait else {
        return Ok(Duration::ZERO);
    };
    Duration::try_from(wait)
        .ok()
        .filter(|wait| *wait <= LONGEST_WAIT)
        .ok_or_else(|| {
            let wrong = format!(
                "is {} s; 0 to {} s would be right",
                wait.seconds,
                LONGEST_WAIT.as_secs()
            );
            Error::field("wait", wrong)
        })
}
