//! Networks, data sets and the training loop on libtorch.
//!
//! The way of a candidate: an [`Architecture`](peng_search::macro_space::Architecture) becomes a
//! [`MacroNet`](macro_net::MacroNet), [`dataset`] gives the images, [`train::Training`] trains
//! one epoch at a time and measures the validation accuracy after each.
//!
//! Nothing here uses libtorch's global random generator: initial weights, orders of images and
//! augmentations are drawn from streams of the candidate's own seed, so several slots in one
//! process do not disturb each other.

mod cuda;
pub mod dataset;
pub mod device;
pub mod macro_net;
mod optimizer;
mod random;
pub mod train;
mod weights;

pub use tch::{Device, TchError};
