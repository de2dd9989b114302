use std::{error::Error as _, path::PathBuf, time::Duration};

use peng_proto::{error::reason_of, v1};
use tonic::{Code, Status};

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be one.
    #[error(
        "`{endpoint}` is no address of a server; the form is http://host:port, or https://host:port where it is encrypted"
    )]
    Endpoint {
        /// What was given.
        endpoint: String,
        /// What is wrong with it, where it is not the scheme.
        source: Option<tonic::transport::Error>,
    },

    /// A token would be sent where others can read it.
    #[error(
        "a token is not sent to {endpoint}, which is not encrypted; https://host:port would be right"
    )]
    TokenInClear {
        /// What was given.
        endpoint: String,
    },

    /// The server refused the call; the same call would be refused again.
    #[error("{call}: {}", status.message())]
    Status {
        /// The method.
        call: &'static str,
        /// The server's answer.
        status: Box<Status>,
    },

    /// The server could not be reached, or could not answer, for as long as
    /// the caller was ready to wait.
    #[error("{call}: no answer for {} s: {}", waited.as_secs(), explain(status))]
    GaveUp {
        /// The method.
        call: &'static str,
        /// How long the call was tried.
        waited: Duration,
        /// What the last try met.
        status: Box<Status>,
    },

    /// An observation was refused; it is not stored, the stream goes on.
    #[error("epoch {} of {trial}: {}", observation.epoch, fault.message)]
    Refused {
        /// The trial.
        trial: String,
        /// The observation.
        observation: v1::Observation,
        /// The server's answer.
        fault: v1::Fault,
    },

    /// The queue of observations without an answer is full.
    #[error("{trial} has {unanswered} observations without an answer; take decisions first")]
    Full {
        /// The trial.
        trial: String,
        /// How long the queue is.
        unanswered: usize,
    },

    /// The file of the observations without an answer cannot be used.
    #[error("cannot keep observations in {path}")]
    Spool {
        /// The file, or its folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },

    /// The server does not keep to the API.
    #[error("{call}: the server's answer is not of the API: {wrong}")]
    Protocol {
        /// The method.
        call: &'static str,
        /// What is wrong.
        wrong: String,
    },
}

/// The message of a status for people, with what the system said below it and, where the scheme of
/// the address may be the cause, which one would be right. A status that came over the wire has no
/// causes, and tonic's own text of one repeats them in the form for programmers.
pub fn explain(status: &Status) -> String {
    let mut text = status.message().to_owned();
    let mut next = status.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !said.is_empty() && !text.contains(&said) && said != "transport error" {
            text = format!("{text}: {said}");
        }
        next = cause.source();
    }
    match scheme(&text) {
        Some(scheme) => format!("{text}; {scheme}"),
        None => text,
    }
}

/// How a connection fails that an encrypted server ends since what it reads is plain, and others
/// that are hung up on. Its alert looks like the length of a frame, where it comes before the end.
const ENDS: [&str; 3] = [
    "connection closed",
    "frame with invalid size",
    "stream closed because of a broken pipe",
];

/// What is or may be wrong with the address where the libraries only say how the connection began
/// to fail.
fn scheme(met: &str) -> Option<&'static str> {
    if met.contains("InvalidContentType") {
        Some("a server that is not encrypted is reached by http://, not https://")
    } else if ENDS.iter().any(|end| met.ends_with(end)) {
        Some("if the server is encrypted, its address begins with https://, not http://")
    } else {
        None
    }
}

impl Error {
    /// The canonical code of the server's answer; [`Code::Unavailable`] or
    /// [`Code::DeadlineExceeded`] after giving up. `None` where the error is
    /// not an answer.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Status { status, .. } | Self::GaveUp { status, .. } => Some(status.code()),
            Self::Refused { fault, .. } => Some(Code::from_i32(fault.code)),
            Self::Endpoint { .. }
            | Self::TokenInClear { .. }
            | Self::Full { .. }
            | Self::Spool { .. }
            | Self::Protocol { .. } => None,
        }
    }

    /// The reason that the server gives to programs, as in
    /// [`peng_proto::error::Reason::as_str`].
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Status { status, .. } | Self::GaveUp { status, .. } => reason_of(status),
            _ => None,
        }
    }

    pub(crate) fn protocol(call: &'static str, wrong: impl Into<String>) -> Self {
        let wrong = wrong.into();
        Self::Protocol { call, wrong }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_ends_may_be_due_to_the_address() {
        for (met, told) in [
            ("connection closed", Some("; if the server is encrypted, ")),
            (
                "frame with invalid size",
                Some("; if the server is encrypted, "),
            ),
            (
                "received corrupt message of type InvalidContentType",
                Some("; a server that is not encrypted "),
            ),
            ("connection closed by hand", None),
            ("Connection refused (os error 111)", None),
        ] {
            let text = explain(&Status::from_error(met.into()));
            match told {
                Some(told) => assert!(text.starts_with(&format!("{met}{told}")), "{text}"),
                None => assert_eq!(text, met),
            }
        }
    }
}
