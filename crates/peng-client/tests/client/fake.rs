use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::Stream;
use peng_client::{Client, Options, retry::Backoff};
use peng_proto::v1::{
    prediction_service_server::{PredictionService, PredictionServiceServer},
    stream_observations_response::Result as Answer,
    watch_experiment_response::Event,
    *,
};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Code, Request, Response, Status, Streaming, transport::Server};

pub(crate) const TRIAL: &str = "experiments/e/trials/t";

/// What a stream does after `after` answers, once each, in order.
#[derive(Clone)]
pub(crate) enum Break {
    Fail { after: usize, status: Status },
    End { after: usize },
    Hang { after: usize },
}

/// What outlives a restart, and what goes wrong.
#[derive(Default)]
pub(crate) struct State {
    /// The next unary calls fail like this.
    pub(crate) failures: Mutex<VecDeque<Status>>,
    /// The next streams break like this.
    pub(crate) breaks: Mutex<VecDeque<Break>>,
    /// The next observations of streams are answered with faults of these codes.
    pub(crate) faults: Mutex<VecDeque<Code>>,
    /// How many unary calls came in.
    pub(crate) calls: Mutex<usize>,
    /// Every observation that came in, doubles included.
    pub(crate) received: Mutex<Vec<(String, f64)>>,
    /// The tokens that watches began with.
    pub(crate) tokens: Mutex<Vec<String>>,
    log: Mutex<HashMap<u64, u32>>,
}

impl State {
    /// Decides on an epoch as the log does: the first time counts.
    fn decide(&self, epoch: f64) -> Decision {
        let mut log = self.log.lock().unwrap();
        let next = u32::try_from(log.len()).unwrap() + 1;
        let number = *log.entry(epoch.to_bits()).or_insert(next);
        Decision {
            verdict: Verdict::Continue as i32,
            explanation: format!("decision {number}"),
            ..Decision::default()
        }
    }

    fn next_break(&self) -> Option<Break> {
        self.breaks.lock().unwrap().pop_front()
    }
}

/// A server on a port of its own.
pub(crate) struct Fake {
    pub(crate) state: Arc<State>,
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Fake {
    pub(crate) async fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), Arc::default()).await
    }

    pub(crate) async fn start_at(address: SocketAddr, state: Arc<State>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let service = PredictionServiceServer::new(Service(state.clone()));
        let task = tokio::spawn(async move {
            let serve = Server::builder()
                .add_service(service)
                .serve_with_incoming(TcpListenerStream::new(listener));
            // Dropping the server cuts nothing that is accepted, so the task
            // of every connection is left to the abort below.
            tokio::select! { done = serve => done.unwrap(), _ = stopped => {} }
        });
        Self {
            state,
            address,
            stop: Some(stop),
            task,
        }
    }

    /// Stops listening.
    pub(crate) async fn stop(mut self) -> (SocketAddr, Arc<State>) {
        self.stop.take().unwrap().send(()).unwrap();
        self.task.await.unwrap();
        (self.address, self.state)
    }

    pub(crate) fn client(&self) -> Client {
        client(self.address, Duration::from_secs(20))
    }
}

pub(crate) fn client(address: SocketAddr, patience: Duration) -> Client {
    let options = Options {
        answer: Duration::from_millis(500),
        patience,
        backoff: Backoff {
            first: Duration::from_millis(5),
            longest: Duration::from_millis(50),
        },
        window: 8,
        queue: 64,
        ..Options::default()
    };
    Client::connect_lazy(&format!("http://{address}"), options).unwrap()
}

struct Service(Arc<State>);

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl PredictionService for Service {
    type StreamObservationsStream = Answers<StreamObservationsResponse>;
    type WatchExperimentStream = Answers<WatchExperimentResponse>;

    async fn get_trial(
        &self,
        request: Request<GetTrialRequest>,
    ) -> Result<Response<GetTrialResponse>, Status> {
        *self.0.calls.lock().unwrap() += 1;
        if let Some(status) = self.0.failures.lock().unwrap().pop_front() {
            return Err(status);
        }
        let trial = Trial {
            name: request.into_inner().name,
            ..Trial::default()
        };
        Ok(Response::new(GetTrialResponse { trial: Some(trial) }))
    }

    async fn stream_observations(
        &self,
        request: Request<Streaming<StreamObservationsRequest>>,
    ) -> Result<Response<Self::StreamObservationsStream>, Status> {
        let state = self.0.clone();
        let breaks = state.next_break();
        let opened = (state, request.into_inner(), String::new(), 0_usize, breaks);
        let answers = futures::stream::unfold(
            opened,
            |(state, mut requests, mut trial, n, breaks)| async move {
                match &breaks {
                    Some(Break::Fail { after, status }) if n == *after => {
                        let status = status.clone();
                        return Some((Err(status), (state, requests, trial, n + 1, breaks)));
                    }
                    Some(Break::End { after }) if n == *after => return None,
                    Some(Break::Hang { after }) if n == *after => std::future::pending().await,
                    _ => {}
                }
                let request = requests.message().await.ok()??;
                if !request.trial.is_empty() {
                    trial = request.trial;
                }
                let epoch = request.observation?.epoch;
                state.received.lock().unwrap().push((trial.clone(), epoch));
                let fault = state.faults.lock().unwrap().pop_front();
                let result = if let Some(code) = fault {
                    Answer::Fault(Fault {
                        code: code.into(),
                        ..Fault::default()
                    })
                } else if epoch > 0.0 {
                    Answer::Decision(state.decide(epoch))
                } else {
                    Answer::Fault(Fault {
                        code: Code::InvalidArgument.into(),
                        message: "observation.epoch: is not positive".to_owned(),
                        field: "observation.epoch".to_owned(),
                    })
                };
                let answer = StreamObservationsResponse {
                    trial: trial.clone(),
                    epoch,
                    result: Some(result),
                };
                Some((Ok(answer), (state, requests, trial, n + 1, breaks)))
            },
        );
        Ok(Response::new(Box::pin(answers)))
    }

    async fn watch_experiment(
        &self,
        request: Request<WatchExperimentRequest>,
    ) -> Result<Response<Self::WatchExperimentStream>, Status> {
        let token = request.into_inner().resume_token;
        self.0.tokens.lock().unwrap().push(token.clone());
        let first: usize = token.parse().unwrap_or(0);
        let breaks = self.0.next_break();
        let events = futures::stream::unfold((first, breaks), move |(n, breaks)| async move {
            let status = match &breaks {
                Some(Break::Fail { after, status }) if n - first == *after => status.clone(),
                Some(Break::End { after }) if n - first == *after => return None,
                Some(Break::Hang { after }) if n - first == *after => std::future::pending().await,
                _ => {
                    let event = WatchExperimentResponse {
                        resume_token: (n + 1).to_string(),
                        trial: TRIAL.to_owned(),
                        event: Some(Event::StateEntered(TrialState::Running as i32)),
                        ..WatchExperimentResponse::default()
                    };
                    return Some((Ok(event), (n + 1, breaks)));
                }
            };
            Some((Err(status), (n + 1, breaks)))
        });
        Ok(Response::new(Box::pin(events)))
    }

    async fn create_experiment(
        &self,
        _: Request<CreateExperimentRequest>,
    ) -> Result<Response<CreateExperimentResponse>, Status> {
        Err(Status::unimplemented("not of this fake"))
    }

    async fn get_experiment(
        &self,
        _: Request<GetExperimentRequest>,
    ) -> Result<Response<GetExperimentResponse>, Status> {
        Err(Status::unimplemented("not of this fake"))
    }

    async fn list_experiments(
        &self,
        _: Request<ListExperimentsRequest>,
    ) -> Result<Response<ListExperimentsResponse>, Status> {
        Err(Status::unimplemented("not of this fake"))
    }

    async fn delete_experiment(
        &self,
        _: Request<DeleteExperimentRequest>,
    ) -> Result<Response<DeleteExperimentResponse>, Status> {
        Err(Status::unimplemented("not of this fake"))
    }

    async fn create_trial(
        &self,
        _: Request<CreateTrialRequest>,
    ) -> Result<Response<CreateTrialResponse>, Status> {
        Err(Status::unimplemented("not of this fake"))
    }

    async fn list_trials(
        &self,
        _: Request<ListTrialsRequest>,
    ) -> Result<Response<ListTrialsResponse>, Status> {
        Err(Status::unimplemented("not of this fake"))
    }

    async fn report_observation(
        &self,
        _: Request<ReportObservationRequest>,
    ) -> Result<Response<ReportObservationResponse>, Status> {
        Err(Status::unimplemented("not of this fake"))
    }

    async fn complete_trial(
        &self,
        _: Request<CompleteTrialRequest>,
    ) -> Result<Response<CompleteTrialResponse>, Status> {
        // Slower than any client waits.
        tokio::time::sleep(Duration::from_secs(5)).await;
        Err(Status::unimplemented("not of this fake"))
    }

    async fn roll_back_trial(
        &self,
        _: Request<RollBackTrialRequest>,
    ) -> Result<Response<RollBackTrialResponse>, Status> {
        Err(Status::unimplemented("not of this fake"))
    }

    async fn predict_fitness(
        &self,
        _: Request<PredictFitnessRequest>,
    ) -> Result<Response<PredictFitnessResponse>, Status> {
        Err(Status::unimplemented("not of this fake"))
    }
}
