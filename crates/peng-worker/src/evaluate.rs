//! Drives the attempt at one candidate from its lease to its end.

use std::{pin::pin, sync::Arc, time::Duration};

use peng_client::{
    Client, Error as ClientError,
    report::{Decided, Reporter},
    v1,
};
use peng_proto::search::Assignment;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tonic::Code;

use crate::{
    Error,
    attempt::{Attempt, Ending},
    complete::{self, FAREWELL},
    error, lease,
    progress::Measured,
    train::{Closing, Failure, Observation, Running, Trainer},
};

/// Training does not run ahead of the verdicts by more epochs; below the reporter's queue.
const AHEAD: usize = 60_000;

/// Between asking a server that was away for the whole patience and asking again.
const PAUSE: Duration = Duration::from_secs(1);

/// How long what was observed, and how it ended, wait for a server once the training is over,
/// however short the patience: nothing is lost by an hour without one.
const RESULTS: Duration = Duration::from_hours(2);

/// What the log lines of measurements are filtered by.
const EPOCHS: &str = "peng_worker::epochs";

/// Who takes part in an evaluation.
pub(crate) struct Evaluation<'a> {
    pub(crate) orchestrator: &'a Client,
    pub(crate) predictor: &'a Client,
    pub(crate) trainer: &'a Arc<dyn Trainer>,
    pub(crate) verdict_wait: Duration,
    /// Told what is measured and decided on.
    pub(crate) show: &'a (dyn Fn(Option<Measured>) + Send + Sync),
    pub(crate) leaving: &'a CancellationToken,
}

/// Why the driver stops.
enum Halt {
    /// The attempt has come to its end.
    Ended(Ending),
    /// The worker is told to leave.
    Leaving,
    /// This worker cannot go on.
    Broken(Error),
}

impl Evaluation<'_> {
    /// Trains a candidate and hands it back. An error means that this worker cannot work on; the
    /// candidate is then given back.
    pub(crate) async fn run(&self, assignment: &Assignment) -> Result<(), Error> {
        let running = Running::start(self.trainer.clone(), assignment.clone());
        let mut running = running.map_err(Error::Thread)?;
        let mut attempt = Attempt::new(assignment.training.epochs.into());
        let candidate = assignment.candidate.to_string();
        let mut leased = pin!(lease::keep(
            self.orchestrator,
            &candidate,
            &assignment.lease
        ));
        let halt = tokio::select! {
            biased;
            over = &mut leased => {
                tracing::info!(reason = %over, "the candidate is no longer ours");
                let trained = Closing::Settled { trained: true };
                running.close(given_up(&over, trained)).await;
                return Ok(());
            }
            halt = self.drive(assignment, &mut attempt, &mut running) => halt,
        };
        running.interrupt();
        // Whoever is lent it next is to find what is saved.
        let (running, settled) = match &halt {
            Halt::Ended(ending) => {
                let trained = !matches!(ending, Ending::Failed { .. });
                (Some(running), Closing::Settled { trained })
            }
            Halt::Leaving | Halt::Broken(_) => {
                let mut saved = pin!(running.close(Closing::Save));
                tokio::select! {
                    biased;
                    () = &mut saved => {}
                    // Nothing is left to give back.
                    over = &mut leased => {
                        tracing::info!(reason = %over, "the candidate is no longer ours");
                        saved.await;
                        return match halt {
                            Halt::Broken(error) => Err(error),
                            Halt::Ended(_) | Halt::Leaving => Ok(()),
                        };
                    }
                }
                (None, Closing::Leave)
            }
        };
        let hand_back = self.hand_back(assignment, halt, attempt.trained());
        let (result, closing) = tokio::select! {
            biased;
            result = hand_back => {
                let closing = match &result {
                    Ok(None) => settled,
                    Ok(Some(over)) => given_up(over, settled),
                    Err(_) => Closing::Save,
                };
                (result.map(drop), closing)
            }
            // The server has heard of the end, if not through its answer to this worker.
            over = &mut leased => {
                tracing::info!(reason = %over, "the candidate is no longer ours");
                (Ok(()), given_up(&over, settled))
            }
        };
        if let Some(running) = running {
            running.close(closing).await;
        }
        result
    }

    /// Trains, reports and obeys until there is a reason to halt.
    async fn drive(
        &self,
        assignment: &Assignment,
        attempt: &mut Attempt,
        running: &mut Running,
    ) -> Halt {
        let mut reporter = self.predictor.reporter(assignment.trial.to_string());
        if assignment.continued {
            let taken_over = tokio::select! {
                biased;
                () = self.leaving.cancelled() => return Halt::Leaving,
                taken_over = self.take_over(assignment, attempt, running) => taken_over,
            };
            if let Err(error) = taken_over {
                return Halt::Broken(error);
            }
        }
        // When the next epoch begins even without a verdict; `None` while one is in training.
        let mut due: Option<Instant> = None;
        loop {
            if let Some(ending) = attempt.ending() {
                return Halt::Ended(ending);
            }
            if due.is_some() && attempt.goes_on() && attempt.unanswered() == 0 {
                running.go_on();
                due = None;
            }
            let trains = attempt.goes_on() && attempt.unanswered() < AHEAD;
            let late = due.filter(|_| trains);
            tokio::select! {
                biased;
                () = self.leaving.cancelled() => return Halt::Leaving,
                answer = decided(&mut reporter, attempt.goes_on()), if attempt.unanswered() > 0 => {
                    if let Err(error) = self.hear(attempt, answer) {
                        return Halt::Broken(error);
                    }
                }
                observation = running.next(), if due.is_none() && attempt.goes_on() => {
                    if let Err(error) = take(assignment, attempt, &mut reporter, observation) {
                        return Halt::Broken(error);
                    }
                    due = Some(Instant::now() + self.verdict_wait);
                }
                () = sleep_until(late.unwrap_or_else(Instant::now)), if late.is_some() => {
                    tracing::warn!(unanswered = attempt.unanswered(), "no verdict yet; training goes on");
                    running.go_on();
                    due = None;
                }
            }
        }
    }

    /// Rolls the trial of the attempt before back to where the training goes on. What it has
    /// observed until then is reported once more, and answered from the log.
    async fn take_over(
        &self,
        assignment: &Assignment,
        attempt: &mut Attempt,
        running: &mut Running,
    ) -> Result<(), Error> {
        let Some(begins_at) = running.begins_at().await else {
            return Ok(());
        };
        let first = 1.0 / f64::from(assignment.training.method.validations_per_epoch);
        let request = v1::RollBackTrialRequest {
            name: assignment.trial.to_string(),
            // Nothing is observed before the first measurement.
            epoch: if begins_at > 0.0 {
                begins_at
            } else {
                first / 2.0
            },
        };
        tracing::info!(
            epoch = request.epoch,
            "goes on with the trial of another worker"
        );
        match self.predictor.roll_back_trial(request).await {
            Ok(_) => Ok(()),
            // It has ended, so that no attempt can go on with it.
            Err(error) if error.code() == Some(Code::FailedPrecondition) => {
                attempt.fail(error.to_string());
                Ok(())
            }
            Err(source) => Err(Error::Predictor {
                endpoint: self.predictor.endpoint().to_owned(),
                source,
            }),
        }
    }

    /// Takes the prediction server's answer to the oldest observation.
    fn hear(
        &self,
        attempt: &mut Attempt,
        answer: Result<Option<Decided>, ClientError>,
    ) -> Result<(), Error> {
        match answer {
            Ok(Some(Decided { decision, .. })) => {
                if let Some(observation) = attempt.decide(&decision) {
                    self.tell(&observation, &decision);
                }
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(error @ ClientError::Refused { .. }) => {
                attempt.refuse(error.to_string());
                Ok(())
            }
            Err(source) => Err(Error::Predictor {
                endpoint: self.predictor.endpoint().to_owned(),
                source,
            }),
        }
    }

    /// Shows and logs an observation that is decided on.
    fn tell(&self, observation: &Observation, decision: &v1::Decision) {
        let measured = Measured {
            epoch: observation.epoch,
            images_per_second: observation.images as f64 / observation.seconds,
            accuracy: observation.value,
            prediction: decision.prediction.as_ref().map(|p| p.fitness),
        };
        (self.show)(Some(measured));
        tracing::info!(
            target: EPOCHS,
            epoch = measured.epoch,
            value = rounded(measured.accuracy),
            loss = rounded(observation.loss),
            prediction = measured.prediction.map(rounded),
            images_per_second = measured.images_per_second.round(),
            "{}",
            match (decision.verdict(), decision.must_stop) {
                (v1::Verdict::Stop, true) => decision.explanation.as_str(),
                (v1::Verdict::Stop, false) => "advised to stop, trains on",
                _ => "goes on",
            }
        );
    }

    /// Tells the orchestrator why the training halted; its word where the candidate is no longer
    /// this worker's.
    async fn hand_back(
        &self,
        assignment: &Assignment,
        halt: Halt,
        epochs: f64,
    ) -> Result<Option<ClientError>, Error> {
        let failed = |source| Error::Orchestrator {
            endpoint: self.orchestrator.endpoint().to_owned(),
            source,
        };
        let give_back = async |reason: &str| {
            complete::give_back(self.orchestrator, assignment, epochs, reason).await
        };
        match halt {
            Halt::Ended(ending) => {
                tracing::info!(epochs, ?ending, "done");
                let settle = settle(self.orchestrator, assignment, &ending, epochs);
                match self.unless_left(settle).await {
                    Some(result) => result.map_err(failed),
                    None => Ok(None),
                }
            }
            Halt::Leaving => {
                tracing::info!(epochs, "gives the candidate back");
                give_back("the worker leaves").await.map_err(failed)?;
                Ok(None)
            }
            Halt::Broken(error) => {
                if let Err(error) = give_back(&error::in_a_line(&error)).await {
                    tracing::warn!(%error, "the candidate could not be given back");
                }
                Err(error)
            }
        }
    }

    /// Waits for `call`, but once the worker is told to leave not for long.
    async fn unless_left<T>(&self, call: impl Future<Output = T>) -> Option<T> {
        let mut call = pin!(call);
        tokio::select! {
            biased;
            result = &mut call => Some(result),
            () = self.leaving.cancelled() => timeout(FAREWELL, call).await.ok(),
        }
    }
}

/// The next answer. While the training goes on, the server may be away for any time, and then for
/// [`RESULTS`].
async fn decided(reporter: &mut Reporter, trains: bool) -> Result<Option<Decided>, ClientError> {
    let until = Instant::now() + RESULTS;
    loop {
        match reporter.decided().await {
            Err(error @ ClientError::GaveUp { .. }) if trains || Instant::now() < until => {
                tracing::warn!(%error, unanswered = reporter.unanswered(), "what was observed waits");
                sleep(PAUSE).await;
            }
            answer => return answer,
        }
    }
}

/// [`complete::settle`], while the server may be away for [`RESULTS`].
async fn settle(
    orchestrator: &Client,
    assignment: &Assignment,
    ending: &Ending,
    epochs: f64,
) -> Result<Option<ClientError>, ClientError> {
    let until = Instant::now() + RESULTS;
    loop {
        match complete::settle(orchestrator, assignment, ending, epochs).await {
            Err(error @ ClientError::GaveUp { .. }) if Instant::now() < until => {
                tracing::warn!(%error, "the result waits");
                sleep(PAUSE).await;
            }
            answer => return answer,
        }
    }
}

/// Takes what the training has to say.
fn take(
    assignment: &Assignment,
    attempt: &mut Attempt,
    reporter: &mut Reporter,
    observation: Option<Result<Observation, Failure>>,
) -> Result<(), Error> {
    match observation {
        Some(Ok(observation)) => {
            attempt.observe(observation);
            if let Err(error) = reporter.send(observation.epoch, observation.value) {
                attempt.refuse(error.to_string());
            }
        }
        Some(Err(Failure::Candidate(cause))) => attempt.fail(error::in_a_line(&*cause)),
        Some(Err(Failure::Worker(source))) => {
            let candidate = assignment.candidate.to_string();
            return Err(Error::Training { candidate, source });
        }
        None => attempt.fail("the training ended by a defect of the worker".to_owned()),
    }
    Ok(())
}

/// What to do with the training of a candidate whose lease is over: as `settled` says, unless
/// another worker has it.
fn given_up(over: &ClientError, settled: Closing) -> Closing {
    let is_settled = over
        .reason()
        .is_some_and(|reason| reason == "ALREADY_SETTLED");
    if is_settled { settled } else { Closing::Leave }
}

fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
