//! What must hold for any input: of the engine, of its fits, and of the reader of curves.
//!
//! Each module has a `check` that panics where its claim does not hold. `cargo xtask fuzz` looks
//! for an input on which it does; the tests of this crate try random ones and those found before.
#![allow(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a check fails by panicking"
)]

pub mod curves;
pub mod engine;
pub mod fits;
mod number;

pub use number::Number;
