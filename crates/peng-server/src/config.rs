//! How a server runs.

use std::{net::SocketAddr, time::Duration};

/// How a server runs.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens; port 0 means any that is free.
    pub listen: SocketAddr,
    /// How long calls under way have when the server is asked to leave.
    pub drain: Duration,
    /// What a client may ask for.
    pub limits: Limits,
}

impl Config {
    /// The defaults, listening at `listen`.
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            drain: Duration::from_secs(10),
            limits: Limits::default(),
        }
    }
}

/// What a client may ask for, so that no request costs without bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request message.
    pub message_bytes: usize,
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
            trial_observations: 10_000,
            curve_observations: 1_000,
            stream_window: 256,
            commit_queue: 4_096,
            commit_size: 512,
        }
    }
}
