//! A client that reconnects, resumes and retries only what is safe.
//!
//! [`Client`] makes single calls, [`report::Reporter`] sends the observations
//! of a live trial and yields the decisions, [`watch::Watcher`] follows an
//! experiment, [`watch::SearchWatcher`] a search. All of them outlast a server
//! that is restarted: every call of the API is keyed (a trial and epoch, a
//! client-given id, a lease token), or says what shall be, so that sending it
//! again is safe.

mod client;
mod credentials;
mod error;
pub mod report;
pub mod retry;
mod spool;
mod trace;
pub mod watch;

pub use client::{Client, Options};
pub use credentials::{Bearer, Credentials, CredentialsError, Transport};
pub use error::{Error, explain};
pub use peng_proto::v1;
