//! The calls under way: how many there may be, which there are, and how they end.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use futures::future::BoxFuture;
use http::{HeaderMap, Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use peng_proto::error::{Error, Reason};
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};
use tracing::{Instrument, Span};

use crate::{
    auth::Rpc,
    listen::Peer,
    metrics::Metrics,
    pace::{Pace, TooFast},
    peers::{Full, Peers, Slot},
    trace,
};

/// Counts and limits the calls of a service.
#[derive(Debug, Clone)]
pub(crate) struct CallsLayer {
    pub(crate) peers: Arc<Peers>,
    pub(crate) metrics: Arc<Metrics>,
}

impl<S> Layer<S> for CallsLayer {
    type Service = Calls<S>;

    fn layer(&self, inner: S) -> Calls<S> {
        Calls {
            inner,
            layer: self.clone(),
        }
    }
}

/// A service whose calls are counted and limited.
#[derive(Debug, Clone)]
pub(crate) struct Calls<S> {
    inner: S,
    layer: CallsLayer,
}

/// A call under way; counted as cancelled if it is dropped before its status is known.
struct Call {
    method: &'static str,
    metrics: Arc<Metrics>,
    code: Option<Code>,
    span: Span,
    _slot: Option<Slot>,
}

impl Call {
    fn read(&mut self, headers: &HeaderMap) {
        if let Some(status) = Status::from_header_map(headers) {
            self.code = Some(status.code());
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let code = self.code.unwrap_or(Code::Cancelled);
        trace::ended(&self.span, code);
        self.metrics.ended(self.method, code);
    }
}

impl CallsLayer {
    /// A place for a call of the peer.
    fn admit(&self, peer: Option<&Peer>) -> Result<Option<Slot>, Error> {
        let Some(peer) = peer else { return Ok(None) };
        at_pace(&peer.pace)?;
        self.peers.enter(peer.address.ip()).map(Some).map_err(full)
    }
}

/// Whether the peer may make another call or send another observation now.
pub(crate) fn at_pace(pace: &Pace) -> Result<(), Error> {
    pace.take(Instant::now()).map_err(|fast| {
        let (who, limit) = match fast {
            TooFast::Peer(_) => ("the peer sends", "peer_rate"),
            TooFast::All(_) => ("all peers send", "rate"),
        };
        let message = format!("{who} more than limits.{limit} calls and observations a second");
        Error::new(Reason::RateExceeded, message).after(fast.wait())
    })
}

fn full(full: Full) -> Error {
    let (limit, key, of) = match full {
        Full::Peer(limit) => (limit, "peer_calls", "this peer"),
        Full::All(limit) => (limit, "calls", "all peers"),
    };
    Error::new(
        Reason::TooManyCalls,
        format!("{of} had {limit} calls under way, which is limits.{key}; try again later"),
    )
}

impl<S> Service<Request<Body>> for Calls<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let rpc = Rpc::of(request.uri().path());
        let admitted = if rpc.is_limited() {
            self.layer.admit(request.extensions().get::<Peer>())
        } else {
            Ok(None)
        };
        let metrics = self.layer.metrics.clone();
        let method = rpc.path;
        metrics.opened(method);
        let (slot, refused) = match admitted {
            Ok(slot) => (slot, None),
            Err(error) => (None, Some(Status::from(error))),
        };
        let mut call = Call {
            method,
            metrics,
            code: refused.as_ref().map(Status::code),
            span: Span::none(),
            _slot: slot,
        };
        if let Some(status) = refused {
            return Box::pin(async { Ok(status.into_http()) });
        }
        let span = trace::span(method, request.headers());
        call.span = span.clone();
        let answering = span.in_scope(|| self.inner.call(request));
        let answer = async move {
            let response = answering.await?;
            call.read(response.headers());
            Ok(response.map(|inner| Body::new(Counted { inner, call })))
        };
        Box::pin(answer.instrument(span))
    }
}

/// A response's messages, watched for the status that follows them.
struct Counted {
    inner: Body,
    call: Call,
}

impl HttpBody for Counted {
    type Data = <Body as HttpBody>::Data;
    type Error = <Body as HttpBody>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let Self { inner, call } = &mut *self;
        let frame = call.span.in_scope(|| Pin::new(inner).poll_frame(cx));
        if let Poll::Ready(Some(Ok(frame))) = &frame
            && let Some(trailers) = frame.trailers_ref()
        {
            call.read(trailers);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
