//! The observations of one live trial, over a stream that outlasts breaks.

use std::{collections::VecDeque, fmt};

use peng_proto::v1::{
    self, StreamObservationsRequest, StreamObservationsResponse,
    stream_observations_response::Result as Answer,
};
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};
use tracing::{Instrument, Span};

use crate::{Client, Error, spool::Spool, trace};

const CALL: &str = "stream_observations";

/// Sends the observations of a trial and yields the decisions in their order.
///
/// The stream opens with the first observation. When it breaks it is opened
/// again, and what had no answer is sent again: the server answers a repeated
/// observation with the decision that it logged. Every future here may be
/// dropped and made again; nothing is lost by it.
///
/// With [`Client::with_spool`] it begins with what a process before this one has
/// left of the trial; the decisions on that come first.
pub struct Reporter {
    client: Client,
    trial: String,
    unanswered: VecDeque<v1::Observation>,
    stream: Option<Stream>,
    spool: Option<Spool>,
}

struct Stream {
    requests: mpsc::Sender<StreamObservationsRequest>,
    answers: Streaming<StreamObservationsResponse>,
    /// How many of the unanswered are under way; the first ones.
    sent: usize,
    /// Lasts as long as the stream does.
    _span: Span,
}

impl Stream {
    /// Sends as much of what waits as may be under way. `false` where the stream is broken.
    fn fill(&mut self, unanswered: &VecDeque<v1::Observation>, window: usize) -> bool {
        let waiting = unanswered.iter().take(window).skip(self.sent);
        for &observation in waiting {
            let request = request(String::new(), observation);
            if self.requests.try_send(request).is_err() {
                return false;
            }
            self.sent += 1;
        }
        true
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reporter")
            .field("trial", &self.trial)
            .field("unanswered", &self.unanswered)
            .field("open", &self.stream.is_some())
            .field("spooled", &self.spool.is_some())
            .finish_non_exhaustive()
    }
}

/// What was decided on which observation.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    /// As sent.
    pub observation: v1::Observation,
    /// The server's answer.
    pub decision: v1::Decision,
}

impl Reporter {
    pub(crate) fn new(client: Client, trial: String) -> Self {
        Self {
            client,
            trial,
            unanswered: VecDeque::new(),
            stream: None,
            spool: None,
        }
    }

    /// Takes over what a process before this one has left, once.
    fn unspool(&mut self) -> Result<(), Error> {
        if let Some(folder) = &self.client.spool
            && self.spool.is_none()
        {
            let (spool, left) = Spool::open(folder, &self.trial)?;
            self.unanswered.extend(left);
            self.spool = Some(spool);
        }
        Ok(())
    }

    fn window(&self) -> usize {
        self.client.options.window.max(1)
    }

    /// The trial.
    pub fn trial(&self) -> &str {
        &self.trial
    }

    /// How many observations have no answer yet.
    pub fn unanswered(&self) -> usize {
        self.unanswered.len()
    }

    /// Reports one observation and waits for the decision on it. Answers to
    /// observations sent before are passed over.
    pub async fn report(&mut self, epoch: f64, value: f64) -> Result<v1::Decision, Error> {
        self.send(epoch, value)?;
        loop {
            match self.decided().await {
                Ok(Some(decided)) if !self.unanswered.is_empty() => drop(decided),
                Ok(Some(decided)) => return Ok(decided.decision),
                Ok(None) => return Err(Error::protocol(CALL, "the observation has no answer")),
                Err(Error::Refused { .. }) if !self.unanswered.is_empty() => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends one observation without waiting for its answer; it waits where no server is
    /// reached or [`crate::Options::window`] others are under way. [`Error::Full`] where
    /// [`crate::Options::queue`] wait.
    pub fn send(&mut self, epoch: f64, value: f64) -> Result<(), Error> {
        self.unspool()?;
        if self.unanswered.len() >= self.client.options.queue.max(1) {
            return Err(Error::Full {
                trial: self.trial.clone(),
                unanswered: self.unanswered.len(),
            });
        }
        let observation = v1::Observation { epoch, value };
        if let Some(spool) = &mut self.spool {
            spool.push(&observation)?;
        }
        self.unanswered.push_back(observation);
        self.fill();
        Ok(())
    }

    fn fill(&mut self) {
        let window = self.window();
        if let Some(stream) = &mut self.stream
            && !stream.fill(&self.unanswered, window)
        {
            self.stream = None;
        }
    }

    /// Waits for every answer and forgets the trial; how many observations were taken.
    pub(crate) async fn deliver(mut self) -> Result<usize, Error> {
        let mut taken = 0;
        loop {
            match self.decided().await {
                Ok(Some(_)) => taken += 1,
                Ok(None) => break,
                Err(error @ Error::Refused { .. }) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "dropped");
                }
                Err(error) => return Err(error),
            }
        }
        if let Some(spool) = self.spool {
            spool.remove()?;
        }
        Ok(taken)
    }

    /// Waits for the next answer. `None` when nothing is unanswered.
    ///
    /// [`Error::Refused`] concerns one observation only; after any other error
    /// what is unanswered stays so, and asking again tries again.
    pub async fn decided(&mut self) -> Result<Option<Decided>, Error> {
        self.unspool()?;
        let mut tries = self.client.tries(CALL);
        while let Some(&expected) = self.unanswered.front() {
            match self.answer().await {
                Ok(answer) => match not_taken(&answer) {
                    None => {
                        tries.succeeded();
                        return self.settle(expected, answer).map(Some);
                    }
                    Some(status) => {
                        self.stream = None;
                        tries.failed(status).await?;
                    }
                },
                Err(status) => {
                    self.stream = None;
                    tries.failed(status).await?;
                }
            }
        }
        Ok(None)
    }

    /// The next message of the stream, which is opened if it is not.
    async fn answer(&mut self) -> Result<StreamObservationsResponse, Status> {
        let limit = self.client.options.answer;
        let answer = async {
            let stream = match &mut self.stream {
                Some(stream) => stream,
                none => none.insert(open(&self.client, &self.trial, &self.unanswered).await?),
            };
            stream.answers.message().await
        };
        timeout(limit, answer)
            .await
            .map_err(|_| {
                Status::deadline_exceeded(format!("no answer within {} s", limit.as_secs_f64()))
            })??
            .ok_or_else(|| Status::unavailable("the stream ended before every answer"))
    }

    /// Takes the oldest observation as answered.
    fn settle(
        &mut self,
        expected: v1::Observation,
        answer: StreamObservationsResponse,
    ) -> Result<Decided, Error> {
        if answer.epoch.to_bits() != expected.epoch.to_bits() {
            self.stream = None;
            let (epoch, due) = (answer.epoch, expected.epoch);
            let wrong = format!("it is on epoch {epoch}, where that on epoch {due} is due");
            return Err(Error::protocol(CALL, wrong));
        }
        self.unanswered.pop_front();
        if let Some(stream) = &mut self.stream {
            stream.sent = stream.sent.saturating_sub(1);
        }
        self.fill();
        if let Some(spool) = &mut self.spool
            && let Err(error) = spool.keep(self.unanswered.iter())
        {
            // It still holds what has no answer, and more.
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the spool only grows"
            );
        }
        match answer.result {
            Some(Answer::Decision(decision)) => Ok(Decided {
                observation: expected,
                decision,
            }),
            Some(Answer::Fault(fault)) => Err(Error::Refused {
                trial: self.trial.clone(),
                observation: expected,
                fault,
            }),
            None => Err(Error::protocol(
                CALL,
                "it has neither a decision nor a fault",
            )),
        }
    }
}

/// Opens a stream with what is unanswered already under way, up to the window, for a server
/// that answers the call only after the first message.
async fn open(
    client: &Client,
    trial: &str,
    unanswered: &VecDeque<v1::Observation>,
) -> Result<Stream, Status> {
    let window = client.options.window.max(1);
    let (requests, queue) = mpsc::channel(window);
    let mut name = trial.to_owned();
    let mut sent = 0;
    for observation in unanswered.iter().take(window) {
        // The queue is as long as the window.
        let _ = requests.try_send(request(std::mem::take(&mut name), *observation));
        sent += 1;
    }
    let mut prediction = client.prediction.clone();
    let span = trace::span(CALL);
    let answers = prediction
        .stream_observations(ReceiverStream::new(queue))
        .instrument(span.clone())
        .await?
        .into_inner();
    Ok(Stream {
        requests,
        answers,
        sent,
        _span: span,
    })
}

/// The status of a fault that says nothing of the observation, but that the server cannot take any
/// now, or none from this caller: it may be sent again.
fn not_taken(answer: &StreamObservationsResponse) -> Option<Status> {
    let Some(Answer::Fault(fault)) = &answer.result else {
        return None;
    };
    match Code::from_i32(fault.code) {
        Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::ResourceExhausted => None,
        code => Some(Status::new(code, fault.message.clone())),
    }
}

fn request(trial: String, observation: v1::Observation) -> StreamObservationsRequest {
    StreamObservationsRequest {
        trial,
        observation: Some(observation),
    }
}
