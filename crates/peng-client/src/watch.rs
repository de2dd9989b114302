//! What happens in an experiment, over a stream that outlasts breaks.

use std::fmt;

use peng_proto::v1::{WatchExperimentRequest, WatchExperimentResponse};
use tokio::time::{Instant, timeout};
use tonic::{Status, Streaming};

use crate::{Client, Error};

const CALL: &str = "watch_experiment";

/// Yields the events of an experiment, each once, in their order.
///
/// When the stream breaks or ends it is opened again after the last event
/// that was yielded.
pub struct Watcher {
    client: Client,
    experiment: String,
    token: String,
    stream: Option<Stream>,
}

struct Stream {
    events: Streaming<WatchExperimentResponse>,
    opened: Instant,
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watcher")
            .field("experiment", &self.experiment)
            .field("token", &self.token)
            .field("open", &self.stream.is_some())
            .finish_non_exhaustive()
    }
}

impl Watcher {
    pub(crate) fn new(client: Client, experiment: String, token: String) -> Self {
        Self {
            client,
            experiment,
            token,
            stream: None,
        }
    }

    /// The token of the last event yielded; what a later watch begins after.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Waits for the next event. There is no last one: it returns an error
    /// only if the server refuses the watch or is away for longer than the
    /// client's patience. The future may be dropped and made again.
    pub async fn next(&mut self) -> Result<WatchExperimentResponse, Error> {
        let mut tries = self.client.tries(CALL);
        loop {
            let status = match self.event().await {
                Ok(event) => {
                    tries.succeeded();
                    event.resume_token.clone_into(&mut self.token);
                    return Ok(event);
                }
                Err(status) => status,
            };
            // A stream that stayed open without an event was well.
            let stream = self.stream.take();
            if stream.is_some_and(|s| s.opened.elapsed() >= self.client.options.answer) {
                tries.succeeded();
            }
            tries.failed(status).await?;
        }
    }

    /// The next message of the stream, which is opened if it is not.
    async fn event(&mut self) -> Result<WatchExperimentResponse, Status> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => none.insert(open(&self.client, &self.experiment, &self.token).await?),
        };
        stream
            .events
            .message()
            .await?
            .ok_or_else(|| Status::unavailable("the watch ended"))
    }
}

async fn open(client: &Client, experiment: &str, token: &str) -> Result<Stream, Status> {
    let limit = client.options.answer;
    let request = WatchExperimentRequest {
        name: experiment.to_owned(),
        resume_token: token.to_owned(),
    };
    let mut prediction = client.prediction.clone();
    let opened = timeout(limit, prediction.watch_experiment(request)).await;
    let response = opened.map_err(|_| {
        Status::deadline_exceeded(format!("no answer within {} s", limit.as_secs_f64()))
    })??;
    Ok(Stream {
        events: response.into_inner(),
        opened: Instant::now(),
    })
}
