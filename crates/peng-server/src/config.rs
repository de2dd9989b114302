//! How a server runs.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use crate::Tls;

/// How a server runs.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens; port 0 means any that is free.
    pub listen: SocketAddr,
    /// Where it shows its metrics, plain and to everyone who reaches it.
    pub metrics: Option<SocketAddr>,
    /// How long calls under way have when the server is asked to leave.
    pub drain: Duration,
    /// How long an experiment is kept in which nothing is logged any more; `None` is for ever.
    pub retain_for: Option<Duration>,
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
            metrics: None,
            drain: Duration::from_secs(10),
            retain_for: None,
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
    /// Calls and streams of one peer address that are under way.
    pub peer_calls: usize,
    /// Calls and streams of all.
    pub calls: usize,
    /// Bytes of messages that one peer address makes the server hold: requests that are not whole
    /// yet, answers that it does not read.
    pub peer_bytes: usize,
    /// Such bytes of all.
    pub bytes: usize,
    /// Calls and observations of one peer address in a second.
    pub peer_rate: usize,
    /// Calls and observations of all in a second.
    pub rate: usize,
    /// Trials of an experiment.
    pub experiment_trials: usize,
    /// Observations of a trial.
    pub trial_observations: usize,
    /// Observations of a curve that is predicted without being stored. Its cost
    /// grows with the square: every prefix is fitted.
    pub curve_observations: usize,
    /// Trials held in memory; the others are read from the log when they are asked for.
    pub trials_in_memory: usize,
    /// Observations of one stream that may wait for their commit.
    pub stream_window: usize,
    /// Writes that may wait for the disk, of all clients together.
    pub commit_queue: usize,
    /// Milliseconds that a call waits for a place among them.
    pub queue_millis: usize,
    /// Writes of one commit.
    pub commit_size: usize,
    /// Milliseconds of computing for one decision; beyond it is CONTINUE, marked stale.
    pub decision_millis: usize,
    /// Seconds that a connection may be silent before its peer is asked whether it is there,
    /// and that it has to answer; beyond both the connection is closed. A new connection has
    /// the first of them to begin.
    pub silence_seconds: usize,
}

impl Limits {
    pub(crate) const fn queue_wait(&self) -> Duration {
        Duration::from_millis(self.queue_millis as u64)
    }

    pub(crate) const fn decision_budget(&self) -> Duration {
        Duration::from_millis(self.decision_millis as u64)
    }

    pub(crate) const fn silence(&self) -> Duration {
        Duration::from_secs(self.silence_seconds as u64)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 4 << 20,
            peer_connections: 4_096,
            connections: 16_384,
            peer_calls: 16_384,
            calls: 32_768,
            peer_bytes: 256 << 20,
            bytes: 1 << 30,
            peer_rate: 200_000,
            rate: 400_000,
            experiment_trials: 1_000_000,
            trial_observations: 10_000,
            curve_observations: 1_000,
            trials_in_memory: 100_000,
            stream_window: 256,
            commit_queue: 4_096,
            queue_millis: 5_000,
            commit_size: 512,
            decision_millis: 2_000,
            silence_seconds: 20,
        }
    }
}
