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
    account::{Account, Held},
    auth::Rpc,
    listen::Peer,
    metrics::Metrics,
    pace::{Pace, TooFast},
    peers::{Full, Peers, Slot},
    trace,
    traffic::{Incoming, Outgoing},
};

/// What a page of a list, or a trial with its curve, takes until it has left: one of
/// the largest, as messages and encoded.
const PAGE: usize = 8 << 20;

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
    /// Its place among the calls under way.
    slot: Option<Slot>,
}

impl Call {
    fn read(&mut self, headers: &HeaderMap) {
        if let Some(status) = Status::from_header_map(headers) {
            self.code = Some(status.code());
        }
    }
}

impl Call {
    /// The response where it goes no further.
    fn refused(mut self, error: Error) -> Response<Body> {
        let status = Status::from(error);
        self.code = Some(status.code());
        status.into_http()
    }

    /// The response, watched until its end.
    fn counted(
        mut self,
        response: Response<Body>,
        account: Option<Arc<Account>>,
        page: Option<Held>,
    ) -> Response<Body> {
        self.read(response.headers());
        response.map(|body| {
            let inner = Outgoing::new(body, account, page);
            Body::new(Counted { inner, call: self })
        })
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
        self.peers.enter(peer.host).map(Some).map_err(full)
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
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
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
        let peer = request.extensions().get::<Peer>();
        let peer = peer.filter(|_| rpc.is_limited());
        let account = peer.map(|peer| peer.account.clone());
        let admitted = self.layer.admit(peer);
        let metrics = self.layer.metrics.clone();
        let method = rpc.path;
        metrics.opened(method);
        let mut call = Call {
            method,
            metrics,
            code: None,
            span: Span::none(),
            slot: None,
        };
        match admitted {
            Ok(slot) => call.slot = slot,
            Err(error) => {
                let refused = call.refused(error);
                return Box::pin(async { Ok(refused) });
            }
        }
        let span = trace::span(method, request.headers());
        call.span = span.clone();
        let Some(account) = account else {
            let answering = span.in_scope(|| self.inner.call(request));
            let answer = async move { Ok(call.counted(answering.await?, None, None)) };
            return Box::pin(answer.instrument(span));
        };
        let request = request.map(|body| Body::new(Incoming::new(body, account.clone())));
        if !rpc.answers_with_a_page() {
            let answering = span.in_scope(|| self.inner.call(request));
            let answer = async move { Ok(call.counted(answering.await?, Some(account), None)) };
            return Box::pin(answer.instrument(span));
        }
        let mut inner = self.inner.clone();
        let answer = async move {
            let page = match account.hold_soon(PAGE).await {
                Ok(page) => page,
                Err(error) => return Ok(call.refused(error)),
            };
            let response = inner.call(request).await?;
            Ok(call.counted(response, Some(account), Some(page)))
        };
        Box::pin(answer.instrument(span))
    }
}

/// A response's messages, watched for the status that follows them.
struct Counted {
    inner: Outgoing,
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
