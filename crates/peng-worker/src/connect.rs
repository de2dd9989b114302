//! What the worker shows to the servers.

use std::path::PathBuf;

use clap::Args;
use peng_client::{Credentials, CredentialsError};

/// What the worker shows to the orchestrator and to the prediction server.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ConnectArgs {
    /// The file with the token to show; `PENG4NN_TOKEN`, the token itself, where not given
    #[arg(long, value_name = "FILE", env = "PENG4NN_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// Trust servers of these authorities (PEM) instead of those of the system
    #[arg(long, value_name = "FILE", env = "PENG4NN_CA")]
    ca: Option<PathBuf>,
    /// Show this certificate (PEM; mutual TLS)
    #[arg(
        long,
        value_name = "FILE",
        env = "PENG4NN_CLIENT_CERTIFICATE",
        requires = "client_key"
    )]
    client_certificate: Option<PathBuf>,
    /// The private key of the certificate to show (PEM)
    #[arg(
        long,
        value_name = "FILE",
        env = "PENG4NN_CLIENT_KEY",
        requires = "client_certificate"
    )]
    client_key: Option<PathBuf>,
}

impl ConnectArgs {
    /// What is shown, read from the files.
    pub(crate) fn credentials(&self) -> Result<Credentials, CredentialsError> {
        let mut credentials = Credentials::default();
        if let Some(file) = &self.token_file {
            credentials = credentials.with_token_file(file)?;
        } else if let Ok(token) = std::env::var("PENG4NN_TOKEN") {
            credentials = credentials.with_token(&token)?;
        }
        if let Some(file) = &self.ca {
            credentials = credentials.with_ca_file(file)?;
        }
        if let (Some(certificate), Some(key)) = (&self.client_certificate, &self.client_key) {
            credentials = credentials.with_identity_files(certificate, key)?;
        }
        Ok(credentials)
    }
}
