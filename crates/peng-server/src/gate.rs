//! What every call passes on its way in.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use http::{Request, Response};
use peng_proto::{error::Error, names};
use tonic::{Status, body::Body};
use tower::{Layer, Service};

use crate::{
    auth::{Access, Caller, Rpc},
    guarded::Guarded,
    listen::Peer,
};

/// Puts a gate before a service.
#[derive(Debug, Clone)]
pub(crate) struct GateLayer(pub(crate) Arc<Access>);

impl<S> Layer<S> for GateLayer {
    type Service = Gate<S>;

    fn layer(&self, inner: S) -> Gate<S> {
        Gate {
            inner,
            access: self.0.clone(),
        }
    }
}

/// A service that only those reach who may.
#[derive(Debug, Clone)]
pub(crate) struct Gate<S> {
    inner: S,
    access: Arc<Access>,
}

impl<S> Gate<S> {
    /// Lets a call in; returns its caller where the answer is guarded, too.
    fn admit(
        &self,
        request: &mut Request<Body>,
    ) -> Result<Option<(Caller, names::Experiment)>, Error> {
        let rpc = Rpc::of(request.uri().path());
        let peer = request.extensions().get::<Peer>().cloned();
        let access = match &peer {
            Some(peer) if peer.inner => &Access::default(),
            _ => &*self.access,
        };
        let caller = access.caller(rpc, request.headers(), peer.map(|peer| peer.address))?;
        let guarded = access.guarded_by(rpc).cloned();
        let guarded = guarded.map(|experiment| (caller.clone(), experiment));
        request.extensions_mut().insert(caller);
        Ok(guarded)
    }
}

impl<S> Service<Request<Body>> for Gate<S>
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

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let guarded = match self.admit(&mut request) {
            Ok(guarded) => guarded,
            Err(error) => {
                let refused = Status::from(error).into_http();
                return Box::pin(async { Ok(refused) });
            }
        };
        let response = self.inner.call(request);
        let Some((caller, experiment)) = guarded else {
            return Box::pin(response);
        };
        Box::pin(async {
            let guarded = |inner| Guarded {
                inner,
                caller,
                experiment,
                over: false,
            };
            Ok(response.await?.map(|body| Body::new(guarded(body))))
        })
    }
}
