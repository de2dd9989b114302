//! The client against a server that fails on demand.

#![allow(clippy::unwrap_used)]

mod calls;
mod fake;
mod outage;
mod report;
mod watch;
