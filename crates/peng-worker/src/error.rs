use std::io;

use peng_client as client;

use crate::train::Cause;

/// Why a worker has to leave. What it had leased it has tried to give back.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The orchestrator refuses a call, or is away for longer than the client's patience.
    #[error("cannot work for the orchestrator at {endpoint}")]
    Orchestrator {
        /// Its address.
        endpoint: String,
        /// Its answer, or that there was none.
        source: client::Error,
    },
    /// The prediction server refuses the trial, or is away for longer than the client's patience.
    #[error("cannot report to the prediction server at {endpoint}")]
    Predictor {
        /// Its address.
        endpoint: String,
        /// Its answer, or that there was none.
        source: client::Error,
    },
    /// The orchestrator asks for something that cannot be.
    #[error("cannot read the orchestrator's assignment")]
    Assignment(#[source] peng_proto::error::Error),
    /// The address of the prediction server in an assignment is none.
    #[error("the orchestrator names a prediction server that cannot be")]
    Address(#[source] client::Error),
    /// This worker cannot train what the orchestrator lends.
    #[error("this worker cannot train {candidate}")]
    Training {
        /// The candidate's name.
        candidate: String,
        /// Why.
        source: Cause,
    },
    /// No thread can be started.
    #[error("cannot start a thread to train on")]
    Thread(#[source] io::Error),
    /// A slot ended by a defect.
    #[error("a slot ended by a defect")]
    Slot(#[source] tokio::task::JoinError),
}

/// An error and what it came from, on one line. libtorch appends its call stack, and an error may
/// have told what it came from already.
#[must_use]
pub fn in_a_line(error: &dyn std::error::Error) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let told = error.to_string();
        let line = told.lines().next().unwrap_or_default();
        if !text.contains(line) {
            let colon = if text.is_empty() { "" } else { ": " };
            text = format!("{text}{colon}{line}");
        }
        next = error.source();
    }
    text
}
