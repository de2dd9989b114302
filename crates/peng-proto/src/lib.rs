//! The wire: generated code, and the only place where messages become domain
//! types and back. What has been parsed here is right by its type.

pub mod error;
pub mod experiment;
pub mod names;
mod policy;
pub mod search;
pub mod text;
pub mod trial;

/// The generated messages, clients and servers of package `peng4nn.v1`.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    rust_2018_idioms
)]
pub mod v1 {
    tonic::include_proto!("peng4nn.v1");
}

/// The compiled protos, for server reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/peng4nn.bin"));
