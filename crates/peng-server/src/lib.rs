//! The prediction server: services, sessions, limits, health and shutdown.
//!
//! An observation's way: [`service`] parses it, [`sessions`] finds its trial and
//! decides, [`commit`] writes it together with the decision of it and of others
//! that arrived meanwhile, and only then the decision is sent and watchers see it.
//! Before all that, [`listen`] takes the connection and [`gate`] lets the call in.

pub mod auth;
mod commit;
mod config;
mod experiments;
mod gate;
mod listen;
mod live;
mod notices;
mod oversize;
mod peers;
mod reload;
mod server;
mod service;
mod sessions;

pub use config::{Config, Limits};
pub use listen::{Tls, TlsError};
pub use server::{Error, Server};
