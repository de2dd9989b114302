//! What happens in an experiment or a search, over a stream that outlasts breaks.

use std::fmt;

use peng_proto::v1::{
    WatchExperimentRequest, WatchExperimentResponse, WatchSearchRequest, WatchSearchResponse,
};
use tokio::time::{Instant, timeout};
use tonic::{Response, Status, Streaming};

use crate::{Client, Error};

/// Yields the events of an experiment, each once, in their order.
///
/// When the stream breaks or ends it is opened again after the last event
/// that was yielded.
#[derive(Debug)]
pub struct Watcher(Followed<WatchExperimentResponse>);

/// Yields a search and its candidates whenever one of them enters another state.
///
/// When the stream breaks it is opened again after the last event that was
/// yielded. A server that was started anew tells all once more.
#[derive(Debug)]
pub struct SearchWatcher(Followed<WatchSearchResponse>);

impl Watcher {
    pub(crate) fn new(client: Client, experiment: String, token: String) -> Self {
        Self(Followed::new(client, experiment, token))
    }

    /// The token of the last event yielded; what a later watch begins after.
    pub fn token(&self) -> &str {
        &self.0.token
    }

    /// Waits for the next event. There is no last one: it returns an error
    /// only if the server refuses the watch or is away for longer than the
    /// client's patience. The future may be dropped and made again.
    pub async fn next(&mut self) -> Result<WatchExperimentResponse, Error> {
        let ended = || Err(Status::unavailable("the watch ended"));
        self.0.next(|event| event.map_or_else(ended, Ok)).await
    }
}

impl SearchWatcher {
    pub(crate) fn new(client: Client, search: String, token: String) -> Self {
        Self(Followed::new(client, search, token))
    }

    /// The token of the last event yielded; what a later watch begins after.
    pub fn token(&self) -> &str {
        &self.0.token
    }

    /// Waits for the next event; `None` once the search is finished and all is
    /// told. It returns an error only if the server refuses the watch or is away
    /// for longer than the client's patience. The future may be dropped and made
    /// again.
    pub async fn next(&mut self) -> Result<Option<WatchSearchResponse>, Error> {
        self.0.next(Ok).await
    }
}

/// An event of a watch, and how its watch is opened.
trait Event: Sized {
    const CALL: &'static str;

    fn token(&self) -> &str;

    fn open(
        client: &Client,
        name: String,
        resume_token: String,
    ) -> impl Future<Output = Result<Response<Streaming<Self>>, Status>> + Send;
}

impl Event for WatchExperimentResponse {
    const CALL: &'static str = "watch_experiment";

    fn token(&self) -> &str {
        &self.resume_token
    }

    async fn open(
        client: &Client,
        name: String,
        resume_token: String,
    ) -> Result<Response<Streaming<Self>>, Status> {
        let request = WatchExperimentRequest { name, resume_token };
        client.prediction.clone().watch_experiment(request).await
    }
}

impl Event for WatchSearchResponse {
    const CALL: &'static str = "watch_search";

    fn token(&self) -> &str {
        &self.resume_token
    }

    async fn open(
        client: &Client,
        name: String,
        resume_token: String,
    ) -> Result<Response<Streaming<Self>>, Status> {
        let request = WatchSearchRequest { name, resume_token };
        client.search.clone().watch_search(request).await
    }
}

struct Followed<E> {
    client: Client,
    name: String,
    token: String,
    stream: Option<Stream<E>>,
}

struct Stream<E> {
    events: Streaming<E>,
    opened: Instant,
}

impl<E> fmt::Debug for Followed<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Followed")
            .field("name", &self.name)
            .field("token", &self.token)
            .field("open", &self.stream.is_some())
            .finish_non_exhaustive()
    }
}

impl<E: Event> Followed<E> {
    fn new(client: Client, name: String, token: String) -> Self {
        Self {
            client,
            name,
            token,
            stream: None,
        }
    }

    /// Tries until `take` takes what comes: the next event, or `None` where the stream ends.
    async fn next<T>(&mut self, take: impl Fn(Option<E>) -> Result<T, Status>) -> Result<T, Error> {
        let mut tries = self.client.tries(E::CALL);
        loop {
            let status = match self.event(&take).await {
                Ok(taken) => {
                    tries.succeeded();
                    return Ok(taken);
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

    /// What `take` makes of the next message of the stream, which is opened if it is not.
    async fn event<T>(
        &mut self,
        take: impl Fn(Option<E>) -> Result<T, Status>,
    ) -> Result<T, Status> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => none.insert(open(&self.client, &self.name, &self.token).await?),
        };
        let event = stream.events.message().await?;
        if let Some(event) = &event {
            event.token().clone_into(&mut self.token);
        }
        take(event)
    }
}

async fn open<E: Event>(client: &Client, name: &str, token: &str) -> Result<Stream<E>, Status> {
    let limit = client.options.answer;
    let opening = E::open(client, name.to_owned(), token.to_owned());
    let opened = timeout(limit, opening).await;
    let response = opened.map_err(|_| {
        Status::deadline_exceeded(format!("no answer within {} s", limit.as_secs_f64()))
    })??;
    Ok(Stream {
        events: response.into_inner(),
        opened: Instant::now(),
    })
}
