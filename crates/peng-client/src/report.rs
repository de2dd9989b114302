//! The observations of one live trial, over a stream that outlasts breaks.

use std::{collections::VecDeque, fmt};

use peng_proto::v1::{
    self, StreamObservationsRequest, StreamObservationsResponse,
    stream_observations_response::Result as Answer,
};
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::{Client, Error};

const CALL: &str = "stream_observations";

/// Sends the observations of a trial and yields the decisions in their order.
///
/// The stream opens with the first observation. When it breaks it is opened
/// again, and what had no answer is sent again: the server answers a repeated
/// observation with the decision that it logged. Every future here may be
/// dropped and made again; nothing is lost by it.
pub struct Reporter {
    client: Client,
    trial: String,
    unanswered: VecDeque<v1::Observation>,
    stream: Option<Stream>,
}

struct Stream {
    requests: mpsc::Sender<StreamObservationsRequest>,
    answers: Streaming<StreamObservationsResponse>,
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reporter")
            .field("trial", &self.trial)
            .field("unanswered", &self.unanswered)
            .field("open", &self.stream.is_some())
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
        }
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

    /// Sends one observation without waiting for its answer.
    pub fn send(&mut self, epoch: f64, value: f64) -> Result<(), Error> {
        if self.unanswered.len() >= self.client.options.window.max(1) {
            return Err(Error::Full {
                trial: self.trial.clone(),
                unanswered: self.unanswered.len(),
            });
        }
        let observation = v1::Observation { epoch, value };
        self.unanswered.push_back(observation);
        if let Some(stream) = &self.stream {
            let sent = stream
                .requests
                .try_send(request(String::new(), observation));
            if sent.is_err() {
                self.stream = None;
            }
        }
        Ok(())
    }

    /// Waits for the next answer. `None` when nothing is unanswered.
    ///
    /// [`Error::Refused`] concerns one observation only; after any other error
    /// what is unanswered stays so, and asking again tries again.
    pub async fn decided(&mut self) -> Result<Option<Decided>, Error> {
        let mut tries = self.client.tries(CALL);
        while let Some(&expected) = self.unanswered.front() {
            match self.answer().await {
                Ok(answer) => {
                    tries.succeeded();
                    return self.settle(expected, answer).map(Some);
                }
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

/// Opens a stream with everything unanswered already under way, for a server
/// that answers the call only after the first message.
async fn open(
    client: &Client,
    trial: &str,
    unanswered: &VecDeque<v1::Observation>,
) -> Result<Stream, Status> {
    let (requests, queue) = mpsc::channel(client.options.window.max(1));
    let mut name = trial.to_owned();
    for observation in unanswered {
        // The queue is as long as the window, which bounds what is unanswered.
        let _ = requests.try_send(request(std::mem::take(&mut name), *observation));
    }
    let mut prediction = client.prediction.clone();
    let answers = prediction
        .stream_observations(ReceiverStream::new(queue))
        .await?
        .into_inner();
    Ok(Stream { requests, answers })
}

fn request(trial: String, observation: v1::Observation) -> StreamObservationsRequest {
    StreamObservationsRequest {
        trial,
        observation: Some(observation),
    }
}
