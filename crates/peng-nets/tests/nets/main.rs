//! Networks, data sets and training from outside, one module a concern.

// The helper functions here are tests too.
#![allow(clippy::unwrap_used)]

mod datasets;
mod networks;
mod synthetic;
mod training;
