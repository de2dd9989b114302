//! The server from outside: real sockets, real certificates.

#![allow(clippy::unwrap_used, clippy::float_cmp)] // in tests a panic is the message

mod acknowledged;
mod auth_matrix;
mod calibration;
mod deletions;
mod gated;
mod harness;
mod held;
mod late;
mod leaving;
mod limits;
mod memory;
mod metrics;
mod overload;
mod reload;
mod restores;
mod rollback;
mod schedules;
mod tls;
