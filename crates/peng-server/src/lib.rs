//! The prediction server: services, sessions, limits, health and shutdown.
//!
//! An observation's way: [`service`] parses it, [`sessions`] finds its trial and
//! decides, [`commit`] writes it together with the decision of it and of others
//! that arrived meanwhile, and only then the decision is sent and watchers see it.
//! Before all that, [`listen`] takes the connection, [`calls`] counts the call, and
//! [`gate`] lets it in.

mod account;
pub mod auth;
mod calls;
mod commit;
mod config;
mod deletions;
mod experiments;
mod gate;
mod guarded;
mod known;
mod listen;
mod live;
mod metrics;
mod notices;
mod overrun;
mod oversize;
mod pace;
mod page;
mod peers;
mod pending;
mod reload;
mod server;
mod service;
mod sessions;
mod steady;
mod storage;
mod sync;
mod trace;
mod traffic;

pub use config::{Config, Limits};
pub use listen::{Tls, TlsError};
pub use metrics::Metrics;
pub use server::{Error, Server};
