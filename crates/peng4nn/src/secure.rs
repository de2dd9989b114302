//! Flags of whoever listens and of whoever connects: TLS and tokens.

use std::path::PathBuf;

use clap::Args;
use peng_client::Credentials;
use peng_server::Tls;

use crate::exit::Failure;

/// How a server is secured.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Security")]
pub(crate) struct ListenArgs {
    /// Encrypt connections with this certificate (PEM, with those that it rests on);
    /// read again when it changes
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_certificate: Option<PathBuf>,
    /// The private key of the certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Let in only clients with a certificate of these authorities (PEM; mutual TLS)
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub(crate) tls_client_ca: Option<PathBuf>,
    /// Let in only callers with a token of this file (see `peng4nn token`); read
    /// again when it changes
    #[arg(long, value_name = "FILE")]
    pub(crate) tokens: Option<PathBuf>,
    /// Listen beyond this machine although anyone could read along, or call
    #[arg(long)]
    pub(crate) insecure_listen_without_tls_and_authentication: bool,
}

impl ListenArgs {
    /// The certificate's files, if there is one.
    pub(crate) fn tls(&self) -> Option<Tls> {
        Some(Tls {
            certificate: self.tls_certificate.clone()?,
            key: self.tls_key.clone()?,
            client_ca: self.tls_client_ca.clone(),
        })
    }
}

/// What is shown to a server.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ConnectArgs {
    /// The file with the token to show; `PENG4NN_TOKEN`, the token itself, where not
    /// given
    #[arg(long, value_name = "FILE", env = "PENG4NN_TOKEN_FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Trust servers of these authorities (PEM) instead of those of the system
    #[arg(long, value_name = "FILE", env = "PENG4NN_CA")]
    pub(crate) ca: Option<PathBuf>,
    /// Show this certificate (PEM; mutual TLS)
    #[arg(
        long,
        value_name = "FILE",
        env = "PENG4NN_CLIENT_CERTIFICATE",
        requires = "client_key"
    )]
    pub(crate) client_certificate: Option<PathBuf>,
    /// The private key of the certificate to show (PEM)
    #[arg(
        long,
        value_name = "FILE",
        env = "PENG4NN_CLIENT_KEY",
        requires = "client_certificate"
    )]
    pub(crate) client_key: Option<PathBuf>,
}

impl ConnectArgs {
    /// What is shown, read from the files.
    pub(crate) fn credentials(&self) -> Result<Credentials, Failure> {
        let mut credentials = Credentials::default();
        if let Some(file) = &self.token_file {
            credentials = credentials.with_token_file(file).map_err(Failure::input)?;
        } else if let Ok(token) = std::env::var("PENG4NN_TOKEN") {
            credentials = credentials.with_token(&token).map_err(Failure::input)?;
        }
        if let Some(file) = &self.ca {
            credentials = credentials.with_ca_file(file).map_err(Failure::input)?;
        }
        if let (Some(certificate), Some(key)) = (&self.client_certificate, &self.client_key) {
            credentials = credentials
                .with_identity_files(certificate, key)
                .map_err(Failure::input)?;
        }
        Ok(credentials)
    }

    /// The flags again, for a process that is started.
    pub(crate) fn flags(&self) -> impl Iterator<Item = (&'static str, &PathBuf)> {
        [
            ("--token-file", &self.token_file),
            ("--ca", &self.ca),
            ("--client-certificate", &self.client_certificate),
            ("--client-key", &self.client_key),
        ]
        .into_iter()
        .filter_map(|(flag, file)| Some((flag, file.as_ref()?)))
    }
}
