//! What the process of a slot tells its worker: a line of JSON each time, on standard output.

use std::io::{Write, stdout};

use peng_worker::progress::{Held, Progress};
use serde::{Deserialize, Serialize};

/// What a slot is at.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Told {
    /// For people, one line.
    pub(crate) shown: String,
    /// The lease of its candidate, to be given back if the process crashes.
    pub(crate) held: Option<Held>,
}

impl Told {
    pub(crate) fn of(progress: &Progress) -> Self {
        Self {
            shown: progress.to_string(),
            held: progress.candidate.as_ref().map(|it| it.held.clone()),
        }
    }

    /// What a line says; `None` where something else wrote it.
    pub(crate) fn read(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }

    /// Tells it. A worker that is gone reads nothing; this process hears of that elsewhere.
    pub(crate) fn tell(&self) {
        if let Ok(line) = serde_json::to_string(self) {
            let _ = writeln!(stdout(), "{line}");
        }
    }
}
