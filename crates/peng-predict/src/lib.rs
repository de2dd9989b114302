//! The engine: learning curves in, predictions and verdicts out; no I/O.
//!
//! ```text
//! observation -> trial session -> policy -> fit of a curve family -> prediction -> verdict
//! ```
//!
//! A [`trial::Session`] takes the [`Observation`]s of one training and answers each with a
//! [`Decision`]: train on or stop, why, and what the network's fitness at the experiment's target
//! epoch is predicted to be. Equal observations in equal order give bit-equal decisions: there is
//! no clock, no randomness and no global state.
//!
//! The method is PEng4NN's (Rorabaugh et al., arXiv 2101.04185; PENGUIN, IEEE TPDS 33(11), 2022;
//! A4NN, ICPP 2023).

pub mod epoch;
pub mod experiment;
pub mod family;
pub mod fit;
pub mod metric;
pub mod metrics;
pub mod observation;
mod parameters;
pub mod policy;
pub mod prediction;
pub mod rate;
pub mod reason;
pub mod replay;
mod solve;
pub mod trial;
pub mod verdict;

pub use epoch::Epoch;
pub use experiment::{Experiment, Mode};
pub use metric::{Goal, ValueRange};
pub use observation::Observation;
pub use prediction::{Curve, Interval, Prediction};
pub use reason::{Reason, ReasonCode};
pub use verdict::{Decision, Verdict};
