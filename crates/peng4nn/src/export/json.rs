//! Events as lines of JSON.

use std::io::Write;

use peng_predict::Decision;
use peng_store::{Event, EventKind, State};
use serde::Serialize;

use super::{Sink, seconds};

/// A file of JSON lines.
pub(super) struct Lines<W: Write>(W);

impl<W: Write> Lines<W> {
    /// An empty one.
    pub(super) const fn new(out: W) -> Self {
        Self(out)
    }
}

/// A line: an observation with its decision, the state that the trial enters, or the epoch that
/// it is rolled back to.
#[derive(Debug, Serialize)]
struct Line<'a> {
    trial: &'a str,
    /// Of the commit, seconds since 1970.
    time: f64,
    /// Taken back by a later rollback.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    retracted: bool,
    #[serde(flatten)]
    what: What<'a>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum What<'a> {
    Observed {
        epoch: f64,
        /// `null` where the training diverged.
        value: Option<f64>,
        decision: &'a Decision,
    },
    Entered {
        state: &'static str,
    },
    RolledBack {
        rolled_back_to: f64,
    },
}

impl<W: Write> Sink for Lines<W> {
    fn event(&mut self, event: &Event) -> anyhow::Result<()> {
        let what = match &event.kind {
            EventKind::Observed(logged) => What::Observed {
                epoch: logged.observation.epoch.get(),
                value: Some(logged.observation.value).filter(|value| value.is_finite()),
                decision: &logged.decision,
            },
            EventKind::Entered(state) => What::Entered {
                state: State::as_str(*state),
            },
            EventKind::RolledBack(epoch) => What::RolledBack {
                rolled_back_to: epoch.get(),
            },
        };
        let line = Line {
            trial: &event.trial,
            time: seconds(event),
            retracted: event.retracted,
            what,
        };
        serde_json::to_writer(&mut self.0, &line)?;
        self.0.write_all(b"\n")?;
        Ok(())
    }

    fn end(mut self) -> anyhow::Result<()> {
        Ok(self.0.flush()?)
    }
}
