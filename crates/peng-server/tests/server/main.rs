//! The server from outside: real sockets, real certificates.

#![allow(clippy::unwrap_used)] // in tests a panic is the message

mod auth_matrix;
mod harness;
mod reload;
mod tls;
