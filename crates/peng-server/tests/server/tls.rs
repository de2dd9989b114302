//! Encrypted connections, and addresses that must not be listened on.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use peng_client::Credentials;
use peng_server::{Config, Error, Server, Tls};
use peng_store::Sqlite;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::harness::{Running, config, token, visible, write_tokens};

/// An authority, with its certificate in a file.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    pub(crate) file: PathBuf,
}

impl Authority {
    pub(crate) fn new(folder: &Path, name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        let file = folder.join(format!("{name}.ca.pem"));
        fs::write(&file, issuer.pem()).unwrap();
        Self { issuer, file }
    }

    /// A certificate for `localhost` and its key, in files.
    pub(crate) fn issue(&self, folder: &Path, name: &str) -> (PathBuf, PathBuf) {
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let files = (
            folder.join(format!("{name}.pem")),
            folder.join(format!("{name}.key")),
        );
        fs::write(&files.0, certificate.pem()).unwrap();
        fs::write(&files.1, key.serialize_pem()).unwrap();
        files
    }
}

pub(crate) fn trusting(authority: &Authority) -> Credentials {
    Credentials::default()
        .with_ca_file(&authority.file)
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_encrypted_call_to_the_right_server_succeeds() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (
        Authority::new(folder.path(), "ours"),
        Authority::new(folder.path(), "theirs"),
    );
    let (certificate, key) = ours.issue(folder.path(), "server");
    let mut config = config();
    config.tls = Some(Tls {
        certificate,
        key,
        client_ca: None,
    });
    let server = Running::start(config).await;
    visible(&server.client("https", trusting(&ours)))
        .await
        .unwrap();
    for (scheme, credentials) in [
        ("https", trusting(&theirs)),
        ("https", Credentials::default()),
        ("http", Credentials::default()),
    ] {
        let client = server.client(scheme, credentials);
        assert!(visible(&client).await.is_err(), "{client:?}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mutual_tls_lets_in_only_clients_of_its_authority() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (
        Authority::new(folder.path(), "ours"),
        Authority::new(folder.path(), "theirs"),
    );
    let (certificate, key) = ours.issue(folder.path(), "server");
    let mut config = config();
    let client_ca = Some(ours.file.clone());
    config.tls = Some(Tls {
        certificate,
        key,
        client_ca,
    });
    let server = Running::start(config).await;
    let with = |authority: &Authority, name| {
        let (certificate, key) = authority.issue(folder.path(), name);
        trusting(&ours)
            .with_identity_files(&certificate, &key)
            .unwrap()
    };
    visible(&server.client("https", with(&ours, "friend")))
        .await
        .unwrap();
    for credentials in [with(&theirs, "stranger"), trusting(&ours)] {
        assert!(visible(&server.client("https", credentials)).await.is_err());
    }
    server.stop().await;
}

async fn bind(config: Config) -> Result<Server, Error> {
    Server::bind(config, Arc::new(Sqlite::in_memory().await.unwrap())).await
}

#[tokio::test]
async fn beyond_loopback_it_listens_only_secured_or_when_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let everywhere = || Config::new(SocketAddr::from(([0, 0, 0, 0], 0)));
    let ours = Authority::new(folder.path(), "ours");
    let (certificate, key) = ours.issue(folder.path(), "server");
    let tls = |client_ca| {
        Some(Tls {
            certificate: certificate.clone(),
            key: key.clone(),
            client_ca,
        })
    };
    let tokens = Some(folder.path().join("tokens"));
    write_tokens(
        tokens.as_ref().unwrap(),
        &[(&token(1), "never", "read:experiments/*")],
    );
    let both = Config {
        tls: tls(None),
        tokens: tokens.clone(),
        ..everywhere()
    };
    let mutual = Config {
        tls: tls(Some(ours.file.clone())),
        ..everywhere()
    };
    let told = Config {
        insecure: true,
        ..everywhere()
    };
    for right in [both, mutual, told] {
        assert!(bind(right).await.is_ok());
    }
    let bare = everywhere();
    let plain = Config {
        tokens,
        ..everywhere()
    };
    let unknown = Config {
        tls: tls(None),
        ..everywhere()
    };
    for (wrong, lacks) in [
        (bare, "TLS and authentication"),
        (plain, "TLS"),
        (unknown, "authentication"),
    ] {
        match bind(wrong).await.unwrap_err() {
            Error::Exposed { missing, .. } => assert_eq!(missing, lacks),
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let ours = Authority::new(folder.path(), "ours");
    let (certificate, key) = ours.issue(folder.path(), "server");
    let (_, other_key) = ours.issue(folder.path(), "other");
    let missing = folder.path().join("missing.pem");
    for (certificate, key, named) in [
        (&missing, &key, "missing.pem"),
        (&certificate, &missing, "missing.pem"),
        (&key, &key, "holds no certificate"),
        (&certificate, &other_key, "cannot be used with the key"),
    ] {
        let mut config = config();
        config.tls = Some(Tls {
            certificate: certificate.clone(),
            key: key.clone(),
            client_ca: None,
        });
        let Error::Tls(error) = bind(config).await.unwrap_err() else {
            panic!("another error")
        };
        assert!(error.to_string().contains(named), "{error}");
    }
}
