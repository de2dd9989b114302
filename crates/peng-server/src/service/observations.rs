//! Observations in, decisions out: one at a time or as a stream.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Instant,
};

use futures::{
    StreamExt,
    future::{self, BoxFuture},
    stream::{self, BoxStream},
};
use peng_predict::{Decision, Mode, Observation};
use peng_proto::{
    error::{Error, Reason},
    names,
    trial::{decision_to_wire, parse_observation},
    v1::{self, stream_observations_response::Result as Answer},
};
use tokio::{sync::oneshot, time::sleep};
use tonic::{Status, Streaming};

use super::{Service, name, shutting_down};
use crate::{
    account::{Allowance, Held},
    auth::Caller,
    commit::Lost,
    listen::Peer,
    live::Live,
    metrics::Metrics,
    oversize,
    pace::Pace,
    pending::Pending,
    sessions::Sessions,
    sync::apart,
};

/// What an answer takes until it is read.
const ANSWER: usize = 1 << 10;

/// What the answers of a stream may take on nobody's account.
const FREE: u32 = 8 << 10;

impl Service {
    pub(super) async fn report_observation(
        &self,
        caller: &Caller,
        request: v1::ReportObservationRequest,
    ) -> Result<v1::ReportObservationResponse, Error> {
        let trial: names::Trial = name("trial", &request.trial)?;
        caller.check(&trial.experiment)?;
        let observation = parse_observation("observation", request.observation)?;
        let arrived = Instant::now();
        let (decision, mode) = self.sessions.decide(&trial, observation).await?;
        self.metrics.decided(arrived.elapsed());
        Ok(v1::ReportObservationResponse {
            decision: Some(decision_to_wire(&decision, mode)),
        })
    }

    /// Decides on observations in the order in which they arrive, while earlier
    /// decisions are still on their way to the disk, and answers in that order.
    pub(super) fn stream_observations(
        &self,
        caller: Caller,
        peer: Option<&Peer>,
        requests: Streaming<v1::StreamObservationsRequest>,
    ) -> BoxStream<'static, Result<v1::StreamObservationsResponse, Status>> {
        let leaving = self.leaving.clone();
        let intake = Intake {
            caller,
            pace: peer.map(|peer| peer.pace.clone()),
            allowance: peer.map(|peer| Allowance::new(FREE, peer.account.clone())),
            metrics: self.metrics.clone(),
            sessions: self.sessions.clone(),
            requests,
            trial: String::new(),
            broken: false,
            window: self.limits.stream_window,
            decided_by: HashMap::new(),
            last: None,
        };
        let answers = stream::unfold(intake, |mut intake| async {
            let answer = intake.next().await?;
            Some((answer, intake))
        });
        let farewell = stream::once(future::ready(self.leaving.clone())).filter_map(|leaving| {
            future::ready(leaving.is_cancelled().then(|| Err(shutting_down().into())))
        });
        answers
            .take_until(leaving.cancelled_owned())
            .buffered(self.limits.stream_window)
            .map(|(answer, _)| answer)
            .chain(farewell)
            .boxed()
    }
}

type Response = Result<v1::StreamObservationsResponse, Status>;

/// The receiving end of a stream.
///
/// Its observations are decided in the order of their arrival. Where decisions
/// under way turn out not to rest on the log, they are made anew, one after the
/// other; none that arrives later is made before. Where one cannot be stored, the
/// stream ends: answers after it would pass over an observation.
struct Intake {
    caller: Caller,
    pace: Option<Arc<Pace>>,
    /// For answers that are not read yet.
    allowance: Option<Allowance>,
    metrics: Arc<Metrics>,
    sessions: Arc<Sessions>,
    requests: Streaming<v1::StreamObservationsRequest>,
    /// The trial of the message before.
    trial: String,
    /// A message could not be read, and the client has been told.
    broken: bool,
    /// Answers that may be under way.
    window: usize,
    /// Where the trials of answers under way were in memory.
    decided_by: HashMap<names::Trial, Weak<Live>>,
    /// The last answer under way.
    last: Option<Answered>,
}

/// Sent when an answer and all before it are durable, dropped when one never will be.
type Answered = oneshot::Receiver<()>;

/// An observation that can be decided on.
struct Task {
    name: names::Trial,
    observation: Observation,
    pending: Result<Pending<(Decision, Mode)>, Lost>,
}

impl Intake {
    /// Takes the next observation and decides; the future is the answer, once it
    /// is durable. `None` when the client has finished or is gone.
    async fn next(&mut self) -> Option<BoxFuture<'static, (Response, Option<Held>)>> {
        let request = match self.requests.message().await {
            Ok(request) => request?,
            Err(_) if self.broken => return None,
            Err(status) => {
                self.broken = true;
                let status = oversize::renamed(status);
                return Some(Box::pin(future::ready((Err(status), None))));
            }
        };
        let arrived = Instant::now();
        self.keep_pace().await;
        let held = self.room().await;
        if !request.trial.is_empty() {
            self.trial = cut(request.trial);
        }
        let epoch = request
            .observation
            .map_or(0.0, |observation| observation.epoch);
        let task = match self.parse(request.observation) {
            Ok((name, observation)) => {
                let pending = self.decide(&name, observation).await?;
                Ok(Task {
                    name,
                    observation,
                    pending,
                })
            }
            Err(error) => Err(error),
        };
        let (done, answered) = oneshot::channel();
        let before = self.last.replace(answered);
        let sessions = self.sessions.clone();
        let trial = self.trial.clone();
        let metrics = self.metrics.clone();
        let response = async move {
            let answer = match answer(task, sessions, before).await? {
                Ok((decision, mode)) => {
                    metrics.decided(arrived.elapsed());
                    Answer::Decision(decision_to_wire(&decision, mode))
                }
                Err(error) => {
                    metrics.refused(error.reason);
                    Answer::Fault(error.into())
                }
            };
            // The stream may have ended.
            let _ = done.send(());
            Ok(v1::StreamObservationsResponse {
                trial,
                epoch,
                result: Some(answer),
            })
        };
        Some(Box::pin(async move { (response.await, held) }))
    }

    /// Reads no faster than the peer may send.
    async fn keep_pace(&self) {
        let Some(pace) = &self.pace else { return };
        while let Err(fast) = pace.take(Instant::now()) {
            sleep(fast.wait()).await;
        }
    }

    /// Goes on once there is room for the answer: one that is not read takes memory.
    async fn room(&self) -> Option<Held> {
        self.allowance.as_ref()?.hold(ANSWER).await
    }

    fn parse(
        &self,
        observation: Option<v1::Observation>,
    ) -> Result<(names::Trial, Observation), Error> {
        let trial: names::Trial = name("trial", &self.trial)?;
        self.caller.check(&trial.experiment)?;
        Ok((trial, parse_observation("observation", observation)?))
    }

    /// `None` when an answer before can never be given.
    async fn decide(
        &mut self,
        name: &names::Trial,
        observation: Observation,
    ) -> Option<Result<Pending<(Decision, Mode)>, Lost>> {
        let mut found = self.find(name).await;
        let moved = self.decided_by.get(name).is_some_and(|known| {
            let here = found.as_ref().map(Arc::as_ptr);
            here.is_ok_and(|here| !std::ptr::eq(here, known.as_ptr()))
        });
        if moved || self.decided_by.len() > self.window {
            if let Some(last) = self.last.take() {
                last.await.ok()?;
            }
            self.decided_by.clear();
            found = self.find(name).await;
        }
        let live = match found {
            Ok(live) => live,
            Err(error) => return Some(Err(error.into())),
        };
        self.decided_by.insert(name.clone(), Arc::downgrade(&live));
        if self.sessions.has_room() {
            return Some(self.sessions.observe(&live, name, observation).await);
        }
        let (sessions, name) = (self.sessions.clone(), name.clone());
        Some(apart(async move { sessions.observe(&live, &name, observation).await }).await)
    }

    async fn find(&self, name: &names::Trial) -> Result<Arc<Live>, Error> {
        if let Some(known) = self.sessions.known(name) {
            return Ok(known);
        }
        let (sessions, name) = (self.sessions.clone(), name.clone());
        apart(async move { sessions.find(&name).await }).await
    }
}

/// What is longer than a name can be is none, and every answer repeats it.
fn cut(name: String) -> String {
    const MOST: usize = 200;
    if name.len() <= MOST {
        return name;
    }
    name.chars().take(MOST).collect()
}

/// The decision or the fault, or what ends the stream.
async fn answer(
    task: Result<Task, Error>,
    sessions: Arc<Sessions>,
    before: Option<Answered>,
) -> Result<Result<(Decision, Mode), Error>, Status> {
    let decided = match task {
        Err(error) => Err(error),
        Ok(task) => {
            let first = match task.pending {
                Ok(pending) => pending.durable().await,
                Err(lost) => Err(lost),
            };
            match first {
                Ok(decided) => Ok(decided),
                Err(Lost::Failed(error)) => Err(error),
                Err(Lost::Stale) => {
                    all_answered(before).await?;
                    let again = async move { sessions.decide(&task.name, task.observation).await };
                    return may_go_on(apart(again).await);
                }
            }
        }
    };
    let decided = may_go_on(decided)?;
    all_answered(before).await?;
    Ok(decided)
}

async fn all_answered(before: Option<Answered>) -> Result<(), Status> {
    let Some(before) = before else {
        return Ok(());
    };
    // The answer before has told the client why.
    before.await.map_err(|_| shutting_down().into())
}

/// An error of the observation is an answer; one that passes with time ends the stream, and so
/// does a token that is no longer good.
fn may_go_on<T>(decided: Result<T, Error>) -> Result<Result<T, Error>, Status> {
    let ends = |reason: Reason| reason.retry_after().is_some() || reason == Reason::Unauthenticated;
    match decided {
        Err(error) if ends(error.reason) => Err(error.into()),
        decided => Ok(decided),
    }
}
