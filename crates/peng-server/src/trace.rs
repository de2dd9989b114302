//! Ties what a call logs to the trace of its caller.

use std::str::FromStr;

use http::HeaderMap;
use opentelemetry::{
    Context, SpanId, TraceFlags, TraceId,
    trace::{SpanContext, TraceContextExt, TraceState},
};
use tonic::Code;
use tracing::{Span, field::Empty, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The headers of the W3C's Trace Context, <https://www.w3.org/TR/trace-context/>.
const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

/// The span of a call of `method` that belongs to a trace; none of any other, which then costs
/// nothing.
pub(crate) fn span(method: &'static str, headers: &HeaderMap) -> Span {
    let Some(parent) = parent(headers) else {
        return Span::none();
    };
    let Parent { trace, span, .. } = parent;
    let call = info_span!(
        "call",
        method,
        trace_id = trace,
        parent_id = span,
        otel.name = Empty,
        otel.kind = Empty,
    );
    // Without a collector to send spans to, none of this is known to anyone.
    if let Some(parent) = parent.context(headers)
        && call.set_parent(parent).is_ok()
    {
        call.record("otel.name", method.trim_start_matches('/'));
        call.record("otel.kind", "server");
    }
    call
}

/// How the call of that span has ended.
pub(crate) fn ended(span: &Span, code: Code) {
    span.set_attribute("rpc.grpc.status_code", i64::from(code as i32));
}

/// What the caller says about its span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Parent<'a> {
    trace: &'a str,
    span: &'a str,
    flags: &'a str,
}

impl Parent<'_> {
    /// As the parent of other spans.
    fn context(&self, headers: &HeaderMap) -> Option<Context> {
        let flags = u8::from_str_radix(self.flags, 16).ok()?;
        let state = headers
            .get(TRACESTATE)
            .and_then(|state| state.to_str().ok());
        // What cannot be read of it is dropped, as the W3C wants.
        let state = state.and_then(|state| TraceState::from_str(state).ok());
        let remote = SpanContext::new(
            TraceId::from_hex(self.trace).ok()?,
            SpanId::from_hex(self.span).ok()?,
            TraceFlags::new(flags) & TraceFlags::SAMPLED,
            true,
            state.unwrap_or_default(),
        );
        Some(Context::new().with_remote_span_context(remote))
    }
}

/// The caller's trace and span: version, 32, 16 and 2 hexadecimal digits.
fn parent(headers: &HeaderMap) -> Option<Parent<'_>> {
    let value = headers.get(TRACEPARENT)?.to_str().ok()?;
    let mut parts = value.split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hexadecimal = |text: &str, length| {
        let digits = text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        digits && text.len() == length
    };
    let is_set = |text: &str| text.bytes().any(|byte| byte != b'0');
    let right = hexadecimal(version, 2)
        && version != "ff"
        && hexadecimal(trace, 32)
        && hexadecimal(span, 16)
        && hexadecimal(flags, 2)
        && is_set(trace)
        && is_set(span)
        // Later versions may have more.
        && (version != "00" || parts.next().is_none());
    right.then_some(Parent { trace, span, flags })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00f067aa0ba902b7";

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(
            http::HeaderName::from_static(TRACEPARENT),
            value.parse().unwrap(),
        )])
    }

    #[test]
    fn a_trace_is_read_and_anything_else_is_none() {
        for (right, flags) in [
            (format!("00-{TRACE}-{PARENT}-01"), "01"),
            (format!("cc-{TRACE}-{PARENT}-00-more"), "00"),
        ] {
            let read = Parent {
                trace: TRACE,
                span: PARENT,
                flags,
            };
            assert_eq!(parent(&headers(&right)), Some(read), "{right}");
        }
        let zeros = "0".repeat(32);
        for wrong in [
            String::new(),
            format!("00-{TRACE}-{PARENT}"),
            format!("00-{TRACE}-{PARENT}-01-more"),
            format!("ff-{TRACE}-{PARENT}-01"),
            format!("00-{zeros}-{PARENT}-01"),
            format!("00-{TRACE}-{}-01", &zeros[..16]),
            format!("00-{}-{PARENT}-01", TRACE.to_uppercase()),
        ] {
            assert_eq!(parent(&headers(&wrong)), None, "{wrong}");
        }
        assert_eq!(parent(&HeaderMap::new()), None);
    }
}
