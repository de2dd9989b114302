//! The prediction server, as the orchestrator uses it: one experiment, one trial an attempt.

use std::time::Duration;

use peng_client::{Client, Options, retry::Backoff};
use peng_proto::{experiment, names, v1};
use peng_search::candidate::Ending;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tonic::Code;
use tracing::{debug, warn};

use crate::{
    Config, Error,
    attempt::Attempt,
    progress::{Event, Kind},
};

/// The prediction server.
#[derive(Debug, Clone)]
pub(crate) struct Predictor {
    /// For what can wait for a server that is restarted.
    pub(crate) patient: Client,
    /// For a worker's call, which has to be answered before the worker gives it up.
    prompt: Client,
}

impl Predictor {
    pub(crate) fn new(client: &Client) -> Self {
        let prompt = Options {
            connect: Duration::from_secs(2),
            answer: Duration::from_secs(3),
            patience: Duration::from_secs(5),
            backoff: Backoff::default(),
            ..Options::default()
        };
        Self {
            patient: client.clone(),
            prompt: client.with_options(prompt),
        }
    }

    /// Creates the search's experiment; returns what is there where it exists.
    pub(crate) async fn create_experiment(&self, config: &Config) -> Result<(), Error> {
        let experiment = v1::Experiment {
            display_name: format!("{}", config.search),
            metric: "validation accuracy".to_owned(),
            ..experiment::to_wire(&config.experiment_settings()?)
        };
        let request = v1::CreateExperimentRequest {
            experiment_id: config.search.0.to_string(),
            experiment: Some(experiment),
        };
        self.patient
            .create_experiment(request)
            .await
            .map_err(|source| Error::predictor("create the search's experiment", source))?;
        Ok(())
    }

    /// Creates the trial of an attempt.
    pub(crate) async fn create_trial(
        &self,
        name: &names::Trial,
        worker: &str,
        schedule: Option<v1::RateSchedule>,
    ) -> Result<(), peng_client::Error> {
        let request = v1::CreateTrialRequest {
            parent: name.experiment.to_string(),
            trial_id: name.id.to_string(),
            trial: Some(v1::Trial {
                display_name: format!("{} on {worker}", name.id),
                schedule,
                ..v1::Trial::default()
            }),
        };
        self.prompt.create_trial(request).await.map(drop)
    }

    /// The trial with its curve.
    pub(crate) async fn trial(&self, name: &names::Trial) -> Result<v1::Trial, peng_client::Error> {
        let request = v1::GetTrialRequest {
            name: name.to_string(),
            view: v1::TrialView::Full.into(),
        };
        let response = self.prompt.get_trial(request).await?;
        Ok(response.trial.unwrap_or_default())
    }

    /// All trials of the experiment, without their curves.
    pub(crate) async fn trials(
        &self,
        experiment: &names::Experiment,
    ) -> Result<Vec<v1::Trial>, Error> {
        let mut trials = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = v1::ListTrialsRequest {
                parent: experiment.to_string(),
                page_size: 1_000,
                page_token,
                view: v1::TrialView::Basic.into(),
            };
            let page = self
                .patient
                .list_trials(request)
                .await
                .map_err(|source| Error::predictor("list the search's trials", source))?;
            trials.extend(page.trials);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(trials);
            }
        }
    }

    /// Ends a trial. One that its worker or a verdict has ended stays as it is.
    pub(crate) async fn end(&self, ending: Ended) {
        let trial = ending.trial.to_string();
        let request = v1::CompleteTrialRequest {
            name: trial.clone(),
            state: ending.state.into(),
            message: ending.message,
        };
        let Err(error) = self.patient.complete_trial(request).await else {
            return;
        };
        let cause = &error as &dyn std::error::Error;
        if let Some(Code::FailedPrecondition | Code::NotFound) = error.code() {
            debug!(trial, error = cause, "nothing to end");
        } else {
            warn!(trial, error = cause, "cannot end the trial");
        }
    }
}

/// How a trial ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ended {
    pub(crate) trial: names::Trial,
    pub(crate) state: v1::TrialState,
    pub(crate) message: String,
}

impl Ended {
    /// The end that an event means; `None` where the attempt goes on.
    pub(crate) fn of(event: &Event, search: &names::Search) -> Option<Self> {
        let attempt = Attempt {
            candidate: event.candidate,
            number: event.attempt,
        };
        let (state, message) = match &event.kind {
            Kind::Leased { .. } | Kind::Observed { .. } => return None,
            Kind::GivenBack { reason } | Kind::Lost { reason } => {
                (v1::TrialState::Preempted, reason.clone())
            }
            Kind::Settled(outcome) => {
                let state = match outcome.ending {
                    Ending::Succeeded => v1::TrialState::Succeeded,
                    Ending::Stopped => v1::TrialState::Stopped,
                    Ending::Failed => v1::TrialState::Failed,
                    Ending::Cancelled => v1::TrialState::Cancelled,
                };
                (state, outcome.reason.clone())
            }
        };
        Some(Self {
            trial: attempt.trial(search),
            state,
            message,
        })
    }
}

/// Someone who waits until nothing is left to do.
pub(crate) type Flush = mpsc::Sender<oneshot::Sender<()>>;

/// Waits until the prediction server was told of all ends before. `false` if it was not in time.
pub(crate) async fn told(flush: &Flush, limit: Duration) -> bool {
    let (done, flushed) = oneshot::channel();
    let told = async {
        if flush.send(done).await.is_ok() {
            // Nothing ends any more where nobody answers.
            let _ = flushed.await;
        }
    };
    timeout(limit, told).await.is_ok()
}

/// Ends the trials of attempts that end, one after the other. A message on `flush` is answered
/// when nothing is left to do.
pub(crate) async fn end_all(
    predictor: Predictor,
    search: names::Search,
    mut ended: mpsc::UnboundedReceiver<Event>,
    mut flush: mpsc::Receiver<oneshot::Sender<()>>,
) {
    loop {
        tokio::select! {
            biased;
            Some(event) = ended.recv() => {
                if let Some(ended) = Ended::of(&event, &search) {
                    predictor.end(ended).await;
                }
            }
            Some(done) = flush.recv() => drop(done.send(())),
            else => return,
        }
    }
}
