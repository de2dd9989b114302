//! Networks, data sets and the training loop on libtorch.
//!
//! The way of a candidate: a [`Network`](peng_search::Network) becomes a [`Net`](net::Net) with
//! weights, [`dataset`] gives the images, [`train::Training`] trains from one measurement of the
//! validation accuracy to the next, and [`export`] writes what came of it.
//!
//! Nothing here uses libtorch's global random generator: initial weights, orders of images and
//! augmentations are drawn from streams of the candidate's own seed, so several slots in one
//! process do not disturb each other.

mod cuda;
pub mod dataset;
pub mod device;
pub mod export;
pub mod memory;
pub mod net;
mod random;
pub mod train;

pub use tch::{Device, TchError};
