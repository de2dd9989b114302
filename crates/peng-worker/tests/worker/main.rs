//! Workers with synthetic trainings against a prediction server and an orchestrator.

#![allow(clippy::unwrap_used)]

mod endings;
mod harness;
mod kills;
mod leases;
mod memory;
mod outage;
mod process;
mod slots;
