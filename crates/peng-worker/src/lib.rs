//! The loop of a training worker: lease a candidate, train it, observe, report.
//!
//! A [`Worker`] has slots, each of which leases one candidate after the other. The training
//! itself is behind [`train::Trainer`], so this library needs no libtorch; the binary
//! `peng4nn-worker` brings it.
//!
//! The way of a candidate: `slot` leases it, `evaluate` drives its training on a thread of its
//! own (`train`), keeps the lease (`lease`), reports every observation and obeys the decisions
//! (`attempt`), and hands it back (`complete`).

mod attempt;
mod complete;
mod error;
mod evaluate;
mod lease;
pub mod progress;
mod slot;
pub mod train;
mod worker;

pub use complete::lose;
pub use error::{Error, in_a_line};
pub use worker::{Post, Worker};
