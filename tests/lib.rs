//! What the tests of several crates share. The tests of the whole system are in
//! `system/`.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc)] // in tests a panic is the message

pub mod postgres;
