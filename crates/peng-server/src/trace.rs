//! Ties what a call logs to the trace of its caller.

use http::HeaderMap;
use tracing::{Span, info_span};

/// The header of the W3C's Trace Context, <https://www.w3.org/TR/trace-context/>.
const TRACEPARENT: &str = "traceparent";

/// The span of a call of `method` that belongs to a trace; none of any other, which then costs
/// nothing.
pub(crate) fn span(method: &'static str, headers: &HeaderMap) -> Span {
    let Some((trace, parent)) = parent(headers) else {
        return Span::none();
    };
    info_span!("call", method, trace_id = trace, parent_id = parent)
}

/// The caller's trace and span: version, 32, 16 and 2 hexadecimal digits.
fn parent(headers: &HeaderMap) -> Option<(&str, &str)> {
    let value = headers.get(TRACEPARENT)?.to_str().ok()?;
    let mut parts = value.split('-');
    let (version, trace, parent, flags) =
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
        && hexadecimal(parent, 16)
        && hexadecimal(flags, 2)
        && is_set(trace)
        && is_set(parent)
        // Later versions may have more.
        && (version != "00" || parts.next().is_none());
    right.then_some((trace, parent))
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
        for right in [
            format!("00-{TRACE}-{PARENT}-01"),
            format!("cc-{TRACE}-{PARENT}-00-more"),
        ] {
            assert_eq!(parent(&headers(&right)), Some((TRACE, PARENT)), "{right}");
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
