//! The spans of calls, and how a server is told of them.

use opentelemetry::trace::TraceContextExt;
use tonic::metadata::{Ascii, MetadataMap, MetadataValue};
use tracing::{Span, trace_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The span of a call: only where spans are sent to a collector, for nobody logs at this level.
pub(crate) fn span(call: &'static str) -> Span {
    trace_span!(target: "peng_client::trace", "call", otel.name = call, otel.kind = "client")
}

/// Shows the span that is current to the server, in the headers of the W3C's Trace Context,
/// <https://www.w3.org/TR/trace-context/>; nothing where it is not part of a trace.
pub(crate) fn show(metadata: &mut MetadataMap) {
    let context = Span::current().context();
    let span = context.span();
    let span = span.span_context();
    if !span.is_valid() {
        return;
    }
    let (trace, id, flags) = (span.trace_id(), span.span_id(), span.trace_flags().to_u8());
    insert(
        metadata,
        "traceparent",
        &format!("00-{trace}-{id}-{flags:02x}"),
    );
    let state = span.trace_state().header();
    if !state.is_empty() {
        insert(metadata, "tracestate", &state);
    }
}

fn insert(metadata: &mut MetadataMap, header: &'static str, value: &str) {
    if let Ok(value) = value.parse::<MetadataValue<Ascii>>() {
        metadata.insert(header, value);
    }
}
