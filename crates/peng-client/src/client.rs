use std::{fmt, path::PathBuf, time::Duration};

use peng_proto::v1::{
    self, prediction_service_client::PredictionServiceClient,
    search_service_client::SearchServiceClient,
};
use tokio::time::timeout;
use tonic::{Request, Response, Status, transport::Endpoint};
use tracing::Instrument;

use crate::{
    Credentials, Error,
    credentials::Transport,
    report::Reporter,
    retry::{Backoff, Tries},
    spool, trace,
    watch::{SearchWatcher, Watcher},
};

/// The server answers a call by itself a little after the client has ceased
/// to wait, so that the client's word is the one that counts.
const GRACE: Duration = Duration::from_secs(1);

/// How long to wait for what.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// For a connection.
    pub connect: Duration,
    /// For the answer to one try of a call; a call that asks the server to
    /// wait gets that time on top.
    pub answer: Duration,
    /// From the first failed try of a call until it is given up.
    pub patience: Duration,
    /// Between tries.
    pub backoff: Backoff,
    /// The most observations of a trial that are under way at a time.
    pub window: usize,
    /// The most observations of a trial that may wait for their answer, those under way
    /// included: what an outage may last, at 16 bytes each.
    pub queue: usize,
    /// How long a connection may be silent before the server is asked whether it is there, and
    /// how long it has to answer. Beyond both the connection is made anew.
    pub keep_alive: Duration,
}

impl Default for Options {
    /// 5 s for a connection, 10 s for an answer, 30 s of patience, 256
    /// observations under way and 65,536 that wait, 10 s of silence.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(10),
            patience: Duration::from_secs(30),
            backoff: Backoff::default(),
            window: 256,
            queue: 65_536,
            keep_alive: Duration::from_secs(10),
        }
    }
}

impl Options {
    /// For a process that must outlast a restart of the server: ten minutes
    /// of patience.
    #[must_use]
    pub fn patient() -> Self {
        Self {
            patience: Duration::from_mins(10),
            ..Self::default()
        }
    }

    pub(crate) fn apply(&self, endpoint: Endpoint) -> Endpoint {
        endpoint
            .connect_timeout(self.connect)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(self.keep_alive)
            .keep_alive_timeout(self.keep_alive)
            .keep_alive_while_idle(true)
    }
}

/// One connection to a server, shared by its clones.
#[derive(Clone)]
pub struct Client {
    pub(crate) prediction: PredictionServiceClient<Transport>,
    pub(crate) search: SearchServiceClient<Transport>,
    pub(crate) options: Options,
    credentials: Credentials,
    endpoint: String,
    pub(crate) spool: Option<PathBuf>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("endpoint", &self.endpoint)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client of the server at `endpoint`, `http://host:port`, that shows nothing. The
    /// connection is made by the first call and made again when it breaks.
    pub fn connect_lazy(endpoint: &str, options: Options) -> Result<Self, Error> {
        Self::connect_lazy_with(endpoint, options, Credentials::default())
    }

    /// A client of the server at `endpoint`, `https://host:port` where it is encrypted.
    pub fn connect_lazy_with(
        endpoint: &str,
        options: Options,
        credentials: Credentials,
    ) -> Result<Self, Error> {
        let channel = credentials.channel(endpoint, &options)?;
        Ok(Self {
            prediction: PredictionServiceClient::new(channel.clone()),
            search: SearchServiceClient::new(channel),
            options,
            credentials,
            endpoint: endpoint.to_owned(),
            spool: None,
        })
    }

    /// A client of another server, with the same options and credentials.
    pub fn connect_lazy_to(&self, endpoint: &str) -> Result<Self, Error> {
        let mut client = Self::connect_lazy_with(endpoint, self.options, self.credentials.clone())?;
        client.spool.clone_from(&self.spool);
        Ok(client)
    }

    /// Keeps the observations of its reporters in files in `folder` until they have an answer,
    /// so that they outlive this process. One process at a time may use a folder.
    #[must_use]
    pub fn with_spool(&self, folder: impl Into<PathBuf>) -> Self {
        Self {
            spool: Some(folder.into()),
            ..self.clone()
        }
    }

    /// Delivers what processes before this one have left in the folder of
    /// [`Client::with_spool`]; how many observations were delivered. Those that the server
    /// refuses, because their trial has ended or is gone, are dropped and logged. Those that it
    /// takes from nobody now, or not from this caller, are kept, and the first error of that kind
    /// is returned once the other trials had their turn.
    pub async fn deliver_spooled(&self) -> Result<usize, Error> {
        let Some(folder) = &self.spool else {
            return Ok(0);
        };
        let (mut delivered, mut kept) = (0, None);
        for trial in spool::trials(folder)? {
            match self.reporter(trial).deliver().await {
                Ok(taken) => delivered += taken,
                Err(error @ Error::Status { .. }) => kept = kept.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        kept.map_or(Ok(delivered), Err)
    }

    /// The same connection with other waits.
    #[must_use]
    pub fn with_options(&self, options: Options) -> Self {
        Self {
            options,
            ..self.clone()
        }
    }

    /// The address that the client was made with.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Reports the observations of `trial`, `experiments/{experiment}/trials/{trial}`.
    pub fn reporter(&self, trial: impl Into<String>) -> Reporter {
        Reporter::new(self.clone(), trial.into())
    }

    /// Follows `experiment`, `experiments/{experiment}`, from the event after
    /// `token` on; from the first event if it is empty.
    pub fn watch(&self, experiment: impl Into<String>, token: impl Into<String>) -> Watcher {
        Watcher::new(self.clone(), experiment.into(), token.into())
    }

    /// Follows `search`, `searches/{search}`; the only search if it is empty.
    /// What has changed after `token`, all if it is empty, comes first.
    pub fn watch_search(
        &self,
        search: impl Into<String>,
        token: impl Into<String>,
    ) -> SearchWatcher {
        SearchWatcher::new(self.clone(), search.into(), token.into())
    }

    pub(crate) fn tries(&self, call: &'static str) -> Tries {
        Tries::new(call, self.options.backoff, self.options.patience)
    }

    /// Makes a call until it has an answer that is final. `wait` is how long
    /// the server is asked to hold the answer back.
    async fn call<Req, Res, F, Fut>(
        &self,
        name: &'static str,
        message: Req,
        wait: Duration,
        mut once: F,
    ) -> Result<Res, Error>
    where
        Req: Clone,
        F: FnMut(Request<Req>) -> Fut,
        Fut: Future<Output = Result<Response<Res>, Status>>,
    {
        let limit = self.options.answer.saturating_add(wait);
        let mut tries = self.tries(name);
        loop {
            let mut request = Request::new(message.clone());
            request.set_timeout(limit + GRACE);
            let answer = timeout(limit, once(request)).instrument(trace::span(name));
            let status = match answer.await {
                Ok(Ok(response)) => {
                    tries.succeeded();
                    return Ok(response.into_inner());
                }
                Ok(Err(status)) => status,
                Err(_) => {
                    Status::deadline_exceeded(format!("no answer within {} s", limit.as_secs_f64()))
                }
            };
            tries.failed(status).await?;
        }
    }
}

/// Defines calls that wait for nothing.
macro_rules! calls {
    ($($(#[$doc:meta])* $client:ident.$method:ident($request:ident) -> $response:ident;)*) => {
        impl Client {
            $($(#[$doc])*
            pub async fn $method(&self, request: v1::$request) -> Result<v1::$response, Error> {
                self.call(stringify!($method), request, Duration::ZERO, |request| {
                    let mut client = self.$client.clone();
                    async move { client.$method(request).await }
                })
                .await
            })*
        }
    };
}

calls! {
    /// PredictionService.CreateExperiment.
    prediction.create_experiment(CreateExperimentRequest) -> CreateExperimentResponse;
    /// PredictionService.GetExperiment.
    prediction.get_experiment(GetExperimentRequest) -> GetExperimentResponse;
    /// PredictionService.ListExperiments, one page.
    prediction.list_experiments(ListExperimentsRequest) -> ListExperimentsResponse;
    /// PredictionService.DeleteExperiment; with `allow_missing` it is no error that a try
    /// before has deleted it and its answer got lost.
    prediction.delete_experiment(DeleteExperimentRequest) -> DeleteExperimentResponse;
    /// PredictionService.CreateTrial.
    prediction.create_trial(CreateTrialRequest) -> CreateTrialResponse;
    /// PredictionService.GetTrial.
    prediction.get_trial(GetTrialRequest) -> GetTrialResponse;
    /// PredictionService.ListTrials, one page.
    prediction.list_trials(ListTrialsRequest) -> ListTrialsResponse;
    /// PredictionService.ReportObservation: one observation; a live trial is
    /// better served by [`Client::reporter`].
    prediction.report_observation(ReportObservationRequest) -> ReportObservationResponse;
    /// PredictionService.CompleteTrial.
    prediction.complete_trial(CompleteTrialRequest) -> CompleteTrialResponse;
    /// PredictionService.RollBackTrial; before a [`Client::reporter`] that goes on
    /// from an earlier epoch.
    prediction.roll_back_trial(RollBackTrialRequest) -> RollBackTrialResponse;
    /// PredictionService.PredictFitness.
    prediction.predict_fitness(PredictFitnessRequest) -> PredictFitnessResponse;
    /// SearchService.RenewLease.
    search.renew_lease(RenewLeaseRequest) -> RenewLeaseResponse;
    /// SearchService.CompleteCandidate.
    search.complete_candidate(CompleteCandidateRequest) -> CompleteCandidateResponse;
    /// SearchService.GetSearch.
    search.get_search(GetSearchRequest) -> GetSearchResponse;
    /// SearchService.ListSearches, one page.
    search.list_searches(ListSearchesRequest) -> ListSearchesResponse;
    /// SearchService.PauseSearch.
    search.pause_search(PauseSearchRequest) -> PauseSearchResponse;
    /// SearchService.ResumeSearch.
    search.resume_search(ResumeSearchRequest) -> ResumeSearchResponse;
    /// SearchService.ListCandidates, one page.
    search.list_candidates(ListCandidatesRequest) -> ListCandidatesResponse;
}

impl Client {
    /// SearchService.LeaseCandidate; holds for as long as the request's `wait`
    /// on top of [`Options::answer`]. A lease whose answer got lost on the way
    /// runs out by itself.
    pub async fn lease_candidate(
        &self,
        request: v1::LeaseCandidateRequest,
    ) -> Result<v1::LeaseCandidateResponse, Error> {
        let wait = request.wait.as_ref().and_then(|wait| {
            let seconds = u64::try_from(wait.seconds).ok()?;
            Some(Duration::new(seconds, u32::try_from(wait.nanos).ok()?))
        });
        let wait = wait.unwrap_or_default();
        self.call("lease_candidate", request, wait, |request| {
            let mut client = self.search.clone();
            async move { client.lease_candidate(request).await }
        })
        .await
    }

    /// Every candidate of `search`, `searches/{search}`; of the only search
    /// if it is empty.
    pub async fn candidates(&self, search: &str) -> Result<Vec<v1::Candidate>, Error> {
        let mut candidates = Vec::new();
        let mut page_token = String::new();
        loop {
            let page = self
                .list_candidates(v1::ListCandidatesRequest {
                    parent: search.to_owned(),
                    page_size: 1_000,
                    page_token,
                })
                .await?;
            candidates.extend(page.candidates);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(candidates);
            }
        }
    }
}
