//! Observations in, decisions out: one at a time or as a stream.

use std::sync::Arc;

use futures::{
    StreamExt,
    future::{self, BoxFuture},
    stream::{self, BoxStream},
};
use peng_predict::{Decision, Mode};
use peng_proto::{
    error::Error,
    names,
    trial::{decision_to_wire, parse_observation},
    v1::{self, stream_observations_response::Result as Answer},
};
use tonic::{Status, Streaming};

use super::{Service, name, shutting_down};
use crate::sessions::{Pending, Sessions};

impl Service {
    pub(super) async fn report_observation(
        &self,
        request: v1::ReportObservationRequest,
    ) -> Result<v1::ReportObservationResponse, Error> {
        let trial: names::Trial = name("trial", &request.trial)?;
        let observation = parse_observation("observation", request.observation)?;
        let pending = self.sessions.observe(&trial, observation).await?;
        let (decision, mode) = pending.durable().await?;
        Ok(v1::ReportObservationResponse {
            decision: Some(decision_to_wire(&decision, mode)),
        })
    }

    /// Decides on observations in the order in which they arrive, while earlier
    /// decisions are still on their way to the disk, and answers in that order.
    pub(super) fn stream_observations(
        &self,
        requests: Streaming<v1::StreamObservationsRequest>,
    ) -> BoxStream<'static, Result<v1::StreamObservationsResponse, Status>> {
        let leaving = self.leaving.clone();
        let intake = Intake {
            sessions: self.sessions.clone(),
            requests,
            trial: String::new(),
            broken: false,
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
            .chain(farewell)
            .boxed()
    }
}

type Response = Result<v1::StreamObservationsResponse, Status>;

/// The receiving end of a stream.
struct Intake {
    sessions: Arc<Sessions>,
    requests: Streaming<v1::StreamObservationsRequest>,
    /// The trial of the message before.
    trial: String,
    /// A message could not be read, and the client has been told.
    broken: bool,
}

impl Intake {
    /// Takes the next observation and decides; the future is the answer, once it
    /// is durable. `None` when the client has finished or is gone.
    async fn next(&mut self) -> Option<BoxFuture<'static, Response>> {
        let request = match self.requests.message().await {
            Ok(request) => request?,
            Err(_) if self.broken => return None,
            Err(status) => {
                self.broken = true;
                return Some(Box::pin(future::ready(Err(status))));
            }
        };
        if !request.trial.is_empty() {
            self.trial = request.trial;
        }
        let epoch = request
            .observation
            .map_or(0.0, |observation| observation.epoch);
        let pending = self.decide(request.observation).await;
        let trial = self.trial.clone();
        Some(Box::pin(async move {
            let decided = match pending {
                Ok(pending) => pending.durable().await,
                Err(error) => Err(error),
            };
            let answer = match decided {
                Ok((decision, mode)) => Answer::Decision(decision_to_wire(&decision, mode)),
                Err(error) => Answer::Fault(error.into()),
            };
            Ok(v1::StreamObservationsResponse {
                trial,
                epoch,
                result: Some(answer),
            })
        }))
    }

    async fn decide(
        &self,
        observation: Option<v1::Observation>,
    ) -> Result<Pending<(Decision, Mode)>, Error> {
        let trial: names::Trial = name("trial", &self.trial)?;
        let observation = parse_observation("observation", observation)?;
        self.sessions.observe(&trial, observation).await
    }
}
