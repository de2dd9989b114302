//! Networks, data sets and training from outside, one module a concern.

// The helper functions here are tests too.
#![allow(clippy::unwrap_used)]
// What is the same to the bit is meant to be.
#![allow(clippy::float_cmp)]

mod checkpoints;
mod cifar;
mod class_folders;
mod datasets;
mod export;
mod networks;
mod svhn;
mod synthetic;
mod training;
