//! What `serve --config` reads.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, ensure};
use peng_server::Limits;
use peng_store::Address;
use serde::Deserialize;

use crate::logging::Logging;

/// The server's settings; every key may be left out.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// The folder of the log.
    pub(crate) data: PathBuf,
    /// The database of the log, instead of the folder.
    pub(crate) database: Option<String>,
    /// Seconds for calls under way when it is asked to leave.
    drain_seconds: u32,
    /// What a client may ask for.
    limits: LimitKeys,
    /// What is logged.
    pub(crate) log: Logging,
}

/// As in [`Limits`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LimitKeys {
    message_bytes: usize,
    trial_observations: usize,
    curve_observations: usize,
    stream_window: usize,
    commit_queue: usize,
    commit_size: usize,
}

impl Default for LimitKeys {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            message_bytes: limits.message_bytes,
            trial_observations: limits.trial_observations,
            curve_observations: limits.curve_observations,
            stream_window: limits.stream_window,
            commit_queue: limits.commit_queue,
            commit_size: limits.commit_size,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 50_051)),
            data: PathBuf::from("peng4nn-data"),
            database: None,
            drain_seconds: 10,
            limits: LimitKeys::default(),
            log: Logging::default(),
        }
    }
}

impl Config {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read the configuration {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("the configuration {}", path.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let config: Self = toml::from_str(text)?;
        let limits = &config.limits;
        for (key, value) in [
            ("message_bytes", limits.message_bytes),
            ("trial_observations", limits.trial_observations),
            ("curve_observations", limits.curve_observations),
            ("stream_window", limits.stream_window),
            ("commit_queue", limits.commit_queue),
            ("commit_size", limits.commit_size),
        ] {
            ensure!(value > 0, "limits.{key} must be at least 1");
        }
        Ok(config)
    }

    /// Where the log is.
    pub(crate) fn store(&self) -> Result<Address, peng_store::Error> {
        match &self.database {
            Some(address) => address.parse(),
            None => Ok(Address::Folder(self.data.clone())),
        }
    }

    /// What the server takes.
    pub(crate) fn server(&self) -> peng_server::Config {
        let mut server = peng_server::Config::new(self.listen);
        server.drain = Duration::from_secs(self.drain_seconds.into());
        server.limits = Limits {
            message_bytes: self.limits.message_bytes,
            trial_observations: self.limits.trial_observations,
            curve_observations: self.limits.curve_observations,
            stream_window: self.limits.stream_window,
            commit_queue: self.limits.commit_queue,
            commit_size: self.limits.commit_size,
        };
        server
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../../../../deploy/peng4nn.example.toml");

    #[test]
    fn the_example_file_states_the_defaults() {
        assert_eq!(Config::parse(EXAMPLE).unwrap(), Config::default());
    }

    #[test]
    fn every_key_of_the_example_file_is_read() {
        let parsed: toml::Table = EXAMPLE.parse().unwrap();
        let mut keys: Vec<_> = parsed.keys().map(String::as_str).collect();
        keys.sort_unstable();
        let limits = parsed["limits"].as_table().unwrap();
        assert_eq!(keys, ["data", "drain_seconds", "limits", "listen", "log"]);
        assert_eq!(limits.len(), 6);
    }

    #[test]
    fn an_error_names_the_key() {
        for (text, named) in [
            ("port = 1", "unknown field `port`"),
            ("listen = 'here'", "invalid socket address"),
            (
                "[limits]\ncommit_size = 0",
                "limits.commit_size must be at least 1",
            ),
            ("[limits]\ncommit_size = -1", "invalid value"),
            ("[log]\nformat = 'xml'", "unknown variant `xml`"),
        ] {
            let error = format!("{:#}", Config::parse(text).unwrap_err());
            assert!(error.contains(named), "{error}");
        }
    }
}
