//! The answer of a call to a service that is guarded as a whole: it ends where its caller's right
//! does, which the service itself knows nothing of.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};
use peng_proto::{error::Error, names};
use tonic::{Status, body::Body};

use crate::auth::Caller;

/// The messages of an answer, each sent only if the caller may have it at that time.
pub(crate) struct Guarded {
    pub(crate) inner: Body,
    pub(crate) caller: Caller,
    pub(crate) experiment: names::Experiment,
    /// Whether the caller was refused: nothing follows.
    pub(crate) over: bool,
}

impl HttpBody for Guarded {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.over {
            return Poll::Ready(None);
        }
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && frame.is_data()
            && let Err(error) = self.caller.check(&self.experiment)
        {
            self.over = true;
            return Poll::Ready(Some(refusal(error)));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.over || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

/// The end of an answer that is broken off.
fn refusal(error: Error) -> Result<Frame<Bytes>, Status> {
    let mut trailers = HeaderMap::new();
    Status::from(error).add_header(&mut trailers)?;
    Ok(Frame::trailers(trailers))
}
