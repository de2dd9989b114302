//! What the engine answers.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::prediction::Prediction;
use crate::reason::Reason;

/// Intervals are widened up to so much before any was checked, for the chance that they are wrong.
const UNTRIED: f64 = 1.2;

/// Whether the training goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Train on; also whenever the engine is not sure.
    Continue,
    /// Stop: further training would not change what the search does with this network.
    Stop,
}

/// The answer to one observation.
///
/// Holds finite numbers only, so that its JSON form reads back as the same decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Train on or stop.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
    /// The predicted fitness, where one could be made; what a stopped trial is ranked by.
    pub prediction: Option<Prediction>,
    /// Whether it was given without looking at the newest observation, because there was no time
    /// to; such a decision is always [`Verdict::Continue`].
    pub stale: bool,
}

impl Decision {
    /// Train on.
    pub const fn go_on(reason: Reason, prediction: Option<Prediction>) -> Self {
        Self {
            verdict: Verdict::Continue,
            reason,
            prediction,
            stale: false,
        }
    }

    /// Stop.
    pub const fn stop(reason: Reason, prediction: Option<Prediction>) -> Self {
        Self {
            verdict: Verdict::Stop,
            reason,
            prediction,
            stale: false,
        }
    }

    /// Train on, since the time for a decision ran out, or would.
    pub const fn out_of_time() -> Self {
        Self {
            verdict: Verdict::Continue,
            reason: Reason::Stale,
            prediction: None,
            stale: true,
        }
    }

    /// Whether the verdict is [`Verdict::Stop`].
    pub fn is_stop(&self) -> bool {
        self.verdict == Verdict::Stop
    }
}

/// The reason in a sentence, and whether the interval beside it was widened.
impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)?;
        let widening = self.prediction.as_ref().and_then(|p| p.widening);
        match widening.filter(|widening| *widening > UNTRIED) {
            Some(widening) => write!(
                f,
                "; its interval is widened {widening:.2}-fold, as earlier ones were too narrow"
            ),
            None => Ok(()),
        }
    }
}
