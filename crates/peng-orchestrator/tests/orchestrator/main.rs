//! The orchestrator against a prediction server in the same process and workers that report
//! made-up curves.
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "tests of values that are exact"
)]

mod harness;
mod leases;
mod pause;
mod restart;
mod verdicts;
mod watch;
mod whole;
mod wire;
