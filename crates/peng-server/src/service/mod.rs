//! `PredictionService`: every call parses its request, does one thing, and
//! turns the result into a message.

mod experiments;
mod observations;
mod predict;
mod trials;
mod watch;

use std::{num::NonZeroUsize, sync::Arc, thread, time::Duration};

use futures::stream::BoxStream;
use peng_proto::{
    error::{Error, Reason},
    v1::{self, prediction_service_server::PredictionService},
};
use peng_store::Trials;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use crate::{
    Limits, auth::Caller, commit::Committer, deletions::Deletions, listen::Peer, metrics::Metrics,
    notices::Notices, sessions::Sessions,
};

/// What all calls share.
#[derive(Debug)]
pub(crate) struct Service {
    store: Arc<dyn Trials>,
    committer: Committer,
    notices: Arc<Notices>,
    sessions: Arc<Sessions>,
    limits: Limits,
    metrics: Arc<Metrics>,
    /// What curves that are not stored are predicted on.
    cores: Arc<Semaphore>,
    deletions: Deletions,
    /// Cancelled when the server is about to leave: streams end.
    leaving: CancellationToken,
}

impl Service {
    pub(crate) fn new(
        store: Arc<dyn Trials>,
        committer: Committer,
        notices: Arc<Notices>,
        limits: Limits,
        metrics: Arc<Metrics>,
        retain_for: Option<Duration>,
        leaving: CancellationToken,
    ) -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let sessions = Sessions::new(store.clone(), committer.clone(), limits, metrics.clone());
        let sessions = Arc::new(sessions);
        let deletions = Deletions::start(
            store.clone(),
            notices.clone(),
            sessions.clone(),
            retain_for,
            leaving.clone(),
        );
        Self {
            store,
            committer,
            notices,
            sessions,
            limits,
            metrics,
            cores: Arc::new(Semaphore::new(cores)),
            deletions,
            leaving,
        }
    }
}

fn shutting_down() -> Error {
    Error::new(
        Reason::ShuttingDown,
        "the server is shutting down; connect again",
    )
}

/// Reads a resource name from the field `field`.
fn name<T>(field: &str, text: &str) -> Result<T, Error>
where
    T: std::str::FromStr<Err = peng_proto::names::Error>,
{
    if text.is_empty() {
        return Err(Error::field(
            field,
            "is empty; a resource name would be right",
        ));
    }
    text.parse().map_err(|error| Error::field(field, error))
}

/// Reads an id from the field `field`.
fn id(field: &str, text: &str) -> Result<peng_proto::names::Id, Error> {
    if text.is_empty() {
        return Err(Error::field(
            field,
            "is empty; an id like `my-experiment-1` would be right",
        ));
    }
    text.parse().map_err(|error| Error::field(field, error))
}

/// Reads a page size: 0 is the default, too many are cut.
fn page_size(given: i32) -> Result<u32, Error> {
    const DEFAULT: u32 = 100;
    const MOST: u32 = 1_000;
    match u32::try_from(given) {
        Ok(0) => Ok(DEFAULT),
        Ok(size) => Ok(size.min(MOST)),
        Err(_) => Err(Error::field(
            "page_size",
            format!("{given} is negative; 0 to {MOST} would be right"),
        )),
    }
}

#[tonic::async_trait]
impl PredictionService for Service {
    async fn create_experiment(
        &self,
        request: Request<v1::CreateExperimentRequest>,
    ) -> Result<Response<v1::CreateExperimentResponse>, Status> {
        Ok(Response::new(
            self.create_experiment(&Caller::of(&request)?, request.into_inner())
                .await?,
        ))
    }

    async fn get_experiment(
        &self,
        request: Request<v1::GetExperimentRequest>,
    ) -> Result<Response<v1::GetExperimentResponse>, Status> {
        Ok(Response::new(
            self.get_experiment(&Caller::of(&request)?, request.into_inner())
                .await?,
        ))
    }

    async fn list_experiments(
        &self,
        request: Request<v1::ListExperimentsRequest>,
    ) -> Result<Response<v1::ListExperimentsResponse>, Status> {
        Ok(Response::new(
            self.list_experiments(&Caller::of(&request)?, request.into_inner())
                .await?,
        ))
    }

    async fn delete_experiment(
        &self,
        request: Request<v1::DeleteExperimentRequest>,
    ) -> Result<Response<v1::DeleteExperimentResponse>, Status> {
        Ok(Response::new(
            self.delete_experiment(&Caller::of(&request)?, request.into_inner())
                .await?,
        ))
    }

    async fn create_trial(
        &self,
        request: Request<v1::CreateTrialRequest>,
    ) -> Result<Response<v1::CreateTrialResponse>, Status> {
        Ok(Response::new(
            self.create_trial(&Caller::of(&request)?, request.into_inner())
                .await?,
        ))
    }

    async fn get_trial(
        &self,
        request: Request<v1::GetTrialRequest>,
    ) -> Result<Response<v1::GetTrialResponse>, Status> {
        Ok(Response::new(
            self.get_trial(&Caller::of(&request)?, request.into_inner())
                .await?,
        ))
    }

    async fn list_trials(
        &self,
        request: Request<v1::ListTrialsRequest>,
    ) -> Result<Response<v1::ListTrialsResponse>, Status> {
        Ok(Response::new(
            self.list_trials(&Caller::of(&request)?, request.into_inner())
                .await?,
        ))
    }

    async fn report_observation(
        &self,
        request: Request<v1::ReportObservationRequest>,
    ) -> Result<Response<v1::ReportObservationResponse>, Status> {
        Ok(Response::new(
            self.report_observation(&Caller::of(&request)?, request.into_inner())
                .await?,
        ))
    }

    type StreamObservationsStream =
        BoxStream<'static, Result<v1::StreamObservationsResponse, Status>>;

    async fn stream_observations(
        &self,
        request: Request<Streaming<v1::StreamObservationsRequest>>,
    ) -> Result<Response<Self::StreamObservationsStream>, Status> {
        let peer = request.extensions().get::<Peer>().cloned();
        Ok(Response::new(self.stream_observations(
            Caller::of(&request)?,
            peer.as_ref(),
            request.into_inner(),
        )))
    }

    async fn complete_trial(
        &self,
        request: Request<v1::CompleteTrialRequest>,
    ) -> Result<Response<v1::CompleteTrialResponse>, Status> {
        Ok(Response::new(
            self.complete_trial(&Caller::of(&request)?, request.into_inner())
                .await?,
        ))
    }

    async fn roll_back_trial(
        &self,
        request: Request<v1::RollBackTrialRequest>,
    ) -> Result<Response<v1::RollBackTrialResponse>, Status> {
        Ok(Response::new(
            self.roll_back_trial(&Caller::of(&request)?, request.into_inner())
                .await?,
        ))
    }

    async fn predict_fitness(
        &self,
        request: Request<v1::PredictFitnessRequest>,
    ) -> Result<Response<v1::PredictFitnessResponse>, Status> {
        Ok(Response::new(
            self.predict_fitness(&Caller::of(&request)?, request.into_inner())
                .await?,
        ))
    }

    type WatchExperimentStream = BoxStream<'static, Result<v1::WatchExperimentResponse, Status>>;

    async fn watch_experiment(
        &self,
        request: Request<v1::WatchExperimentRequest>,
    ) -> Result<Response<Self::WatchExperimentStream>, Status> {
        let peer = request.extensions().get::<Peer>();
        let account = peer.map(|peer| peer.account.clone());
        Ok(Response::new(
            self.watch_experiment(Caller::of(&request)?, account, request.into_inner())
                .await?,
        ))
    }
}
