//! The code for a message that is too large.

use http::{HeaderValue, Response};

/// tonic answers a message over its limit with `OUT_OF_RANGE`; other gRPC servers,
/// and so the clients' retry rules, have `RESOURCE_EXHAUSTED` for it. This server
/// gives `OUT_OF_RANGE` no other meaning.
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
