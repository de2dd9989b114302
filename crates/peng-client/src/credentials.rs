//! What a client shows to a server, and what it asks of it.

use std::{
    fmt, fs, io,
    net::IpAddr,
    path::{Path, PathBuf},
};

use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue, errors::InvalidMetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};

use crate::{Error, Options, trace};

/// What a client shows to a server, and what it asks of it. None by default.
#[derive(Clone, Default)]
pub struct Credentials {
    token: Option<MetadataValue<Ascii>>,
    ca: Option<Certificate>,
    identity: Option<Identity>,
}

/// Why a credential cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A file of certificates holds none.
    #[error(
        "{path} holds no certificate; PEM, from -----BEGIN CERTIFICATE----- on, would be right"
    )]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// A token has characters that no token has.
    #[error("the token is none: it has other characters than letters, digits and '_'")]
    Token(#[from] InvalidMetadataValue),
}

impl Credentials {
    /// With a bearer token.
    pub fn with_token(mut self, token: &str) -> Result<Self, CredentialsError> {
        let mut value: MetadataValue<Ascii> = format!("Bearer {}", token.trim()).parse()?;
        value.set_sensitive(true);
        self.token = Some(value);
        Ok(self)
    }

    /// With the bearer token that a file holds.
    pub fn with_token_file(self, path: &Path) -> Result<Self, CredentialsError> {
        self.with_token(&read(path)?)
    }

    /// Trusts only servers whose certificate rests on one in this PEM file, instead of those
    /// that rest on an authority of the system's.
    pub fn with_ca_file(mut self, path: &Path) -> Result<Self, CredentialsError> {
        self.ca = Some(Certificate::from_pem(certificates(path)?));
        Ok(self)
    }

    /// Shows the certificate in one PEM file, whose private key is in another (mutual TLS).
    pub fn with_identity_files(
        mut self,
        certificate: &Path,
        key: &Path,
    ) -> Result<Self, CredentialsError> {
        self.identity = Some(Identity::from_pem(certificates(certificate)?, read(key)?));
        Ok(self)
    }

    /// A connection to the server at `endpoint`, `http://host:port` or `https://host:port`, which
    /// is made by the first call and made again when it breaks.
    pub fn channel(&self, endpoint: &str, options: &Options) -> Result<Transport, Error> {
        let channel = self.endpoint(endpoint, options)?.connect_lazy();
        Ok(self.over(channel))
    }

    /// The server at `endpoint`, encrypted where it is `https://host:port`, for those who connect
    /// by themselves.
    pub fn endpoint(&self, endpoint: &str, options: &Options) -> Result<Endpoint, Error> {
        let wrong = |source| Error::Endpoint {
            endpoint: endpoint.to_owned(),
            source,
        };
        let address = Endpoint::from_shared(endpoint.to_owned());
        let mut address = address.map_err(|source| wrong(Some(source)))?;
        let is_encrypted = match address.uri().scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(wrong(None)),
        };
        if is_encrypted {
            let secured = address.tls_config(self.tls());
            address = secured.map_err(|source| wrong(Some(source)))?;
        } else if self.token.is_some() && !is_loopback(address.uri().host()) {
            return Err(Error::TokenInClear {
                endpoint: endpoint.to_owned(),
            });
        }
        Ok(options.apply(address))
    }

    /// A connection to [`Credentials::endpoint`] that shows the token.
    pub fn over(&self, channel: Channel) -> Transport {
        InterceptedService::new(channel, Bearer(self.token.clone()))
    }

    fn tls(&self) -> ClientTlsConfig {
        let tls = match &self.ca {
            Some(ca) => ClientTlsConfig::new().ca_certificate(ca.clone()),
            None => ClientTlsConfig::new().with_native_roots(),
        };
        match &self.identity {
            Some(identity) => tls.identity(identity.clone()),
            None => tls,
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("token", &self.token.as_ref().map(|_| "hidden"))
            .field("ca", &self.ca.is_some())
            .field("identity", &self.identity.is_some())
            .finish()
    }
}

fn read(path: &Path) -> Result<String, CredentialsError> {
    fs::read_to_string(path).map_err(|source| CredentialsError::Read {
        path: path.to_owned(),
        source,
    })
}

fn certificates(path: &Path) -> Result<String, CredentialsError> {
    let text = read(path)?;
    if text.contains("-----BEGIN CERTIFICATE-----") {
        return Ok(text);
    }
    let path = path.to_owned();
    Err(CredentialsError::NoCertificate { path })
}

fn is_loopback(host: Option<&str>) -> bool {
    let Some(host) = host else { return false };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// A connection that shows the token, and the trace that it is part of, with every call.
pub type Transport = InterceptedService<Channel, Bearer>;

/// Shows the token, and the trace that it is part of, with every call.
#[derive(Clone)]
pub struct Bearer(Option<MetadataValue<Ascii>>);

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer(hidden)")
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            request
                .metadata_mut()
                .insert("authorization", token.clone());
        }
        trace::show(request.metadata_mut());
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_token_is_not_sent_in_clear_beyond_this_machine() {
        let secret = Credentials::default().with_token("peng4nn_1").unwrap();
        let options = Options::default();
        for endpoint in ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"] {
            assert!(secret.channel(endpoint, &options).is_ok(), "{endpoint}");
        }
        let error = secret.channel("http://10.0.0.1:1", &options).unwrap_err();
        assert!(matches!(error, Error::TokenInClear { .. }));
        let none = Credentials::default();
        assert!(none.channel("http://10.0.0.1:1", &options).is_ok());
    }

    #[test]
    fn an_address_has_a_scheme_and_a_host() {
        let none = Credentials::default();
        for wrong in ["127.0.0.1:50052", "host", "ftp://host:1", "http://", ""] {
            let error = none.endpoint(wrong, &Options::default()).unwrap_err();
            let text = error.to_string();
            assert!(text.contains("the form is http://host:port"), "{text}");
        }
    }

    #[test]
    fn nothing_secret_is_in_debug_output() {
        let secret = Credentials::default().with_token("peng4nn_1").unwrap();
        assert!(!format!("{secret:?} {:?}", Bearer(secret.token.clone())).contains("peng4nn_1"));
    }

    #[test]
    fn a_file_without_certificates_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        fs::write(&path, "none").unwrap();
        let error = Credentials::default().with_ca_file(&path).unwrap_err();
        assert!(error.to_string().contains("tokens holds no certificate"));
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = Credentials::default().with_token_file(Path::new("no/token"));
        assert_eq!(error.unwrap_err().to_string(), "cannot read no/token");
        assert!(Credentials::default().with_token("a\nb").is_err());
    }
}
