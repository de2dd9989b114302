//! The orchestrator against a prediction server in the same process and workers that report
//! made-up curves.
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "tests of values that are exact"
)]

mod harness;
mod leases;
mod restart;
mod verdicts;
mod whole;
mod wire;
