//! The settings of `serve`.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use anyhow::ensure;
use peng_server::{Limits, Tls};
use peng_store::Address;
use serde::{Deserialize, Serialize};

use super::{layers::Layers, place::Place, retention::Retention};
use crate::{logging::Logging, secure::ListenArgs};

/// The server's settings; every key may be left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// The folder of the log.
    pub(crate) data: PathBuf,
    /// The database of the log, instead of the folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) database: Option<String>,
    /// Where the metrics are shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metrics: Option<Place>,
    /// Seconds for calls under way when it is asked to leave.
    drain_seconds: u32,
    /// How long an experiment is kept in which nothing is logged any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retain_for: Option<Retention>,
    /// The file of the tokens that callers need.
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<PathBuf>,
    /// Whether it may listen beyond loopback without both.
    insecure_listen_without_tls_and_authentication: bool,
    /// Encrypts the connections.
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<Tls>,
    /// What a client may ask for.
    limits: Limits,
    /// What is logged.
    pub(crate) log: Logging,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 50_051)),
            data: PathBuf::from("peng4nn-data"),
            database: None,
            metrics: None,
            drain_seconds: 10,
            retain_for: None,
            tokens: None,
            insecure_listen_without_tls_and_authentication: false,
            tls: None,
            limits: Limits::default(),
            log: Logging::default(),
        }
    }
}

impl Config {
    /// The settings of all layers together, checked.
    pub(super) fn of(layers: Layers<Self>) -> anyhow::Result<Self> {
        let config = layers.settings()?;
        for (key, value) in toml::Table::try_from(config.limits)? {
            ensure!(
                value.as_integer() != Some(0),
                "limits.{key} must be at least 1"
            );
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

    /// Puts flags over the settings.
    pub(super) fn secure(&mut self, flags: &ListenArgs) {
        if let Some(tls) = flags.tls() {
            self.tls = Some(tls);
        }
        if let Some(tokens) = &flags.tokens {
            self.tokens = Some(tokens.clone());
        }
        self.insecure_listen_without_tls_and_authentication |=
            flags.insecure_listen_without_tls_and_authentication;
    }

    /// What the server takes.
    pub(crate) fn server(&self) -> peng_server::Config {
        let mut server = peng_server::Config::new(self.listen);
        server.drain = Duration::from_secs(self.drain_seconds.into());
        server.retain_for = self.retain_for.map(Retention::get);
        server.limits = self.limits;
        server.metrics = self.metrics.map(|Place(address)| address);
        server.tls.clone_from(&self.tls);
        server.tokens.clone_from(&self.tokens);
        server.insecure = self.insecure_listen_without_tls_and_authentication;
        server
    }

    /// All settings as TOML, for people: secrets are hidden.
    pub(crate) fn print(&self) -> anyhow::Result<String> {
        let mut shown = self.clone();
        // An address as text has neither a user nor a password.
        if self.database.is_some() {
            shown.database = Some(self.store()?.to_string());
        }
        Ok(toml::to_string(&shown)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../../../../deploy/peng4nn.example.toml");

    fn parse(text: &str) -> anyhow::Result<Config> {
        let mut layers = Layers::new();
        layers.text(text)?;
        Config::of(layers)
    }

    fn variables(given: &[(&str, &str)]) -> anyhow::Result<Config> {
        let mut layers = Layers::new();
        layers.text("drain_seconds = 3\n[limits]\ncommit_size = 7")?;
        layers.environment(
            given
                .iter()
                .map(|(name, value)| (name.into(), value.into())),
        )?;
        Config::of(layers)
    }

    #[test]
    fn the_example_file_states_the_defaults() {
        assert_eq!(parse(EXAMPLE).unwrap(), Config::default());
    }

    /// Keys without a default are in the example as comments.
    #[test]
    fn every_key_is_in_the_example_file() {
        let all = Config {
            database: Some("postgres://host/database".into()),
            metrics: Some("9464".parse().unwrap()),
            retain_for: Some("90d".parse().unwrap()),
            tokens: Some("tokens".into()),
            tls: Some(Tls {
                certificate: "c".into(),
                key: "k".into(),
                client_ca: Some("a".into()),
            }),
            ..Config::default()
        };
        let printed: toml::Table = all.print().unwrap().parse().unwrap();
        for (key, value) in printed {
            assert!(EXAMPLE.contains(&key), "{key}");
            for key in value.as_table().into_iter().flat_map(toml::Table::keys) {
                assert!(EXAMPLE.contains(key), "{key}");
            }
        }
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
            ("[tls]\ncertificate = 'c'", "missing field `key`"),
            ("[log]\nformat = 'xml'", "unknown variant `xml`"),
            ("retain_for = '90'", "`90` is no time to keep"),
        ] {
            let error = format!("{:#}", parse(text).unwrap_err());
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn the_environment_goes_before_the_file_and_leaves_the_rest() {
        let config = variables(&[
            ("PENG4NN_SERVE_LISTEN", "0.0.0.0:1"),
            ("PENG4NN_SERVE_LIMITS__STREAM_WINDOW", "5"),
            ("PENG4NN_SERVE_DATA", "12"),
            ("PENG4NN_SERVE_METRICS", "9464"),
            ("PENG4NN_DATA", "of the worker"),
        ]);
        let config = config.unwrap();
        assert_eq!(config.listen.port(), 1);
        assert_eq!(config.data, PathBuf::from("12"));
        assert_eq!(config.metrics.unwrap().0.to_string(), "127.0.0.1:9464");
        assert_eq!(config.drain_seconds, 3);
        let limits = config.limits;
        assert_eq!((limits.stream_window, limits.commit_size), (5, 7));
    }

    #[test]
    fn an_error_in_the_environment_names_the_variable() {
        for (variable, named) in [
            (("PENG4NN_SERVE_PORT", "1"), "unknown field `port`"),
            (("PENG4NN_SERVE_LIMITS__X", "1"), "unknown field `x`"),
            (("PENG4NN_SERVE_DRAIN_SECONDS", "soon"), "invalid type"),
        ] {
            let error = format!("{:#}", variables(&[variable]).unwrap_err());
            assert!(
                error.contains(named) && error.contains(variable.0),
                "{error}"
            );
        }
    }

    #[test]
    fn a_password_is_not_printed() {
        let config = Config {
            database: Some("postgres://peng4nn:s3cret@db/nas".into()),
            ..Config::default()
        };
        let printed = config.print().unwrap();
        assert!(printed.contains("postgres://db:5432/nas"), "{printed}");
        assert!(!printed.contains("s3cret"), "{printed}");
    }

    #[test]
    fn what_is_printed_is_read_again() {
        let config = Config {
            tokens: Some("tokens".into()),
            ..Config::default()
        };
        assert_eq!(parse(&config.print().unwrap()).unwrap(), config);
    }
}
