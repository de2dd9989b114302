//! The system from outside: real servers, real sockets, real processes.
//!
//! Tests that drive processes use the binaries that `cargo build -p peng4nn -p
//! peng-worker` leaves beside this one; `cargo xtask test` builds them first.

#![allow(clippy::unwrap_used, clippy::float_cmp)] // in tests a panic is the message, and values are exact

mod bad_input;
mod bench;
mod clock;
mod damage;
mod drain;
mod export;
mod failover;
mod fuzz;
mod harness;
mod idempotence;
mod kills;
mod network;
mod outage;
mod python;
mod replicas;
mod restart;
mod rollbacks;
mod search;
mod secured;
mod traces;
mod watch;
mod worker;
