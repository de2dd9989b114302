//! The code for a message that is too large.
//!
//! tonic answers a message over its limit with `OUT_OF_RANGE`; other gRPC servers, and so the
//! clients' retry rules, have `RESOURCE_EXHAUSTED` for it. This server gives `OUT_OF_RANGE` no
//! other meaning.

use http::{HeaderValue, Response};
use tonic::{Code, Status};

/// The response to a call whose message is too large.
pub(crate) fn rename_code<B>(mut response: Response<B>) -> Response<B> {
    const OUT_OF_RANGE: &str = "11";
    const RESOURCE_EXHAUSTED: HeaderValue = HeaderValue::from_static("8");
    if let Some(code) = response.headers_mut().get_mut("grpc-status")
        && code == OUT_OF_RANGE
    {
        *code = RESOURCE_EXHAUSTED;
    }
    response
}

/// The status of a stream one of whose messages is too large.
pub(crate) fn renamed(status: Status) -> Status {
    match status.code() {
        Code::OutOfRange => Status::resource_exhausted(status.message()),
        _ => status,
    }
}
