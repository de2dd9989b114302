//! How a server runs.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use crate::Tls;

/// How a server runs.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens; port 0 means any that is free.
    pub listen: SocketAddr,
    /// How long calls under way have when the server is asked to leave.
    pub drain: Duration,
    /// What a client may ask for.
    pub limits: Limits,
    /// Encrypts the connections; `None` leaves them plain.
    pub tls: Option<Tls>,
    /// The file of the tokens that callers need; `None` asks for none.
    pub tokens: Option<PathBuf>,
    /// Whether it may listen beyond loopback without TLS or without knowing its callers.
    pub insecure: bool,
    /// Whether it also listens at a free port of loopback, plain and without tokens,
    /// for this process and those that it starts.
    pub inner: bool,
}

impl Config {
    /// The defaults, listening at `listen`.
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            drain: Duration::from_secs(10),
            limits: Limits::default(),
            tls: None,
            tokens: None,
            insecure: false,
            inner: false,
        }
    }

    /// What keeps it from listening where other machines reach it; empty if nothing does.
    pub(crate) fn missing(&self) -> &'static str {
        let knows =
            self.tokens.is_some() || self.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
        match (self.tls.is_some(), knows) {
            _ if self.insecure || self.listen.ip().is_loopback() => "",
            (true, true) => "",
            (false, true) => "TLS",
            (true, false) => "authentication",
            (false, false) => "TLS and authentication",
        }
    }
}

/// What a client may ask for, so that no request costs without bound. Each is at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes of a request message.
    pub message_bytes: usize,
    /// Connections of one peer address.
    pub peer_connections: usize,
    /// Connections of all.
    pub connections: usize,
    /// Observations of a trial.
    pub trial_observations: usize,
    /// Observations of a curve that is predicted without being stored. Its cost
    /// grows with the square: every prefix is fitted.
    pub curve_observations: usize,
    /// Observations of one stream that may wait for their commit.
    pub stream_window: usize,
    /// Writes that may wait for the disk, of all clients together.
    pub commit_queue: usize,
    /// Writes of one commit.
    pub commit_size: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 4 << 20,
            peer_connections: 4_096,
            connections: 16_384,
            trial_observations: 10_000,
            curve_observations: 1_000,
            stream_window: 256,
            commit_queue: 4_096,
            commit_size: 512,
        }
    }
}
