//! A server from its configuration to its end.

use std::{future::Future, io, net::SocketAddr, sync::Arc};

use peng_proto::{names, v1::prediction_service_server::PredictionServiceServer};
use peng_store::Trials;
use tokio_util::sync::CancellationToken;
use tonic::{
    body::Body,
    server::NamedService,
    service::{Routes, RoutesBuilder},
};
use tonic_health::{ServingStatus, server::HealthReporter};
use tower::Service as TowerService;
use tracing::{info, warn};

use crate::{
    Config, TlsError,
    account::Accounts,
    auth::{self, Access, Tokens},
    calls::CallsLayer,
    commit::Committer,
    gate::GateLayer,
    listen::{self, Certificates, Hall, Listener},
    metrics::Metrics,
    notices::{self, Notices},
    oversize,
    pace::Paces,
    page::Page,
    peers::Peers,
    reload::Files,
    service::Service,
};

/// Why a server cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Other machines would reach it, and it is not secured.
    #[error(
        "listening on {address} would let every machine that reaches it in without {missing}; \
         listen on 127.0.0.1, or give a certificate with its key and a token file, \
         or say that you want it insecure"
    )]
    Exposed {
        /// The address.
        address: SocketAddr,
        /// What is not there.
        missing: &'static str,
    },
    /// The certificate cannot be used.
    #[error("cannot encrypt connections")]
    Tls(#[from] TlsError),
    /// The token file cannot be used.
    #[error("cannot tell who is calling")]
    Tokens(#[from] auth::Error),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Reflection cannot be built from the compiled protos.
    #[error("cannot describe the services")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The connections are lost.
    #[error("the server ended")]
    Transport(#[from] tonic::transport::Error),
}

/// A server that listens and is yet to run.
#[derive(Debug)]
pub struct Server {
    config: Config,
    listener: Listener,
    inner: Option<Listener>,
    metrics: Arc<Metrics>,
    page: Option<Page>,
    access: Access,
    files: Files,
    routes: RoutesBuilder,
    health: HealthReporter,
    services: Vec<&'static str>,
    leaving: CancellationToken,
}

impl Server {
    /// Listens, with the prediction service, health and reflection.
    pub async fn bind(config: Config, store: Arc<dyn Trials>) -> Result<Self, Error> {
        let (limits, retain_for) = (config.limits, config.retain_for);
        let mut server = Self::bind_bare(config).await?;
        let notices = Arc::new(Notices::default());
        let committer = Committer::start(
            store.clone(),
            notices.clone(),
            limits,
            server.metrics.clone(),
        );
        if store.is_shared() {
            let following = notices::follow(store.clone(), notices.clone(), server.leaving());
            tokio::spawn(following);
        }
        let service = Service::new(
            store,
            committer,
            notices,
            limits,
            server.metrics.clone(),
            retain_for,
            server.leaving(),
        );
        let service =
            PredictionServiceServer::new(service).max_decoding_message_size(limits.message_bytes);
        server.add_service(service).await;
        Ok(server)
    }

    /// Whether a server could be secured as it is to be, for those who have to wait before they
    /// bind one.
    pub fn check(config: &Config) -> Result<(), Error> {
        secured(config).map(drop)
    }

    /// Listens, with health and reflection alone.
    pub async fn bind_bare(config: Config) -> Result<Self, Error> {
        let files = secured(&config)?;
        let listen_error = |source| Error::Listen {
            address: config.listen,
            source,
        };
        let listener = Listener::bind(config.listen, files.certificates.clone())
            .await
            .map_err(listen_error)?;
        let inner = if config.inner {
            Some(Listener::bind_inner().await.map_err(listen_error)?)
        } else {
            None
        };
        let page = match config.metrics {
            Some(address) => {
                let page = Page::bind(address).await;
                Some(page.map_err(|source| Error::Listen { address, source })?)
            }
            None => None,
        };
        let (health, health_service) = tonic_health::server::health_reporter();
        let reflection = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(peng_proto::DESCRIPTORS)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        let mut routes = Routes::builder();
        routes
            .add_service(health_service)
            // Many clients still ask for the older version of reflection.
            .add_service(reflection().build_v1alpha()?)
            .add_service(reflection().build_v1()?);
        Ok(Self {
            config,
            listener,
            inner,
            metrics: Metrics::new(),
            page,
            access: Access {
                tokens: files.tokens.clone(),
                guarded: Vec::new(),
            },
            files,
            routes,
            health,
            services: Vec::new(),
            leaving: CancellationToken::new(),
        })
    }

    /// Where it listens.
    pub const fn local_addr(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Where it listens for this process and those that it starts, if it was asked to.
    pub fn inner_addr(&self) -> Option<SocketAddr> {
        self.inner.as_ref().map(Listener::address)
    }

    /// What it counts.
    pub fn metrics(&self) -> Arc<Metrics> {
        self.metrics.clone()
    }

    /// Where it shows its metrics, if it was asked to.
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.page.as_ref().map(Page::address)
    }

    /// Cancelled when the server is about to leave; long calls of other services
    /// end by it.
    pub fn leaving(&self) -> CancellationToken {
        self.leaving.clone()
    }

    /// Serves another service beside.
    pub async fn add_service<S>(&mut self, service: S)
    where
        S: TowerService<
                http::Request<Body>,
                Response = http::Response<Body>,
                Error = std::convert::Infallible,
            > + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        self.health
            .set_service_status(S::NAME, ServingStatus::Serving)
            .await;
        self.services.push(S::NAME);
        self.routes.add_service(service);
    }

    /// Serves another service beside that is about one experiment as a whole: it is
    /// only reached by tokens that have the right on that experiment.
    pub async fn add_service_about<S>(&mut self, service: S, experiment: names::Experiment)
    where
        S: TowerService<
                http::Request<Body>,
                Response = http::Response<Body>,
                Error = std::convert::Infallible,
            > + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        self.access.guarded.push((S::NAME, experiment));
        self.add_service(service).await;
    }

    /// Serves until `shutdown`, then gives calls under way the configured time.
    /// All that was acknowledged is on disk when it returns.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) -> Result<(), Error> {
        let Self {
            config,
            listener,
            inner,
            metrics,
            page,
            access,
            files,
            routes,
            health,
            services,
            leaving,
        } = self;
        info!(
            encrypted = config.tls.is_some(),
            tokens = config.tokens.is_some(),
            address = %listener.address(),
            "listening"
        );
        if config.insecure && !config.listen.ip().is_loopback() {
            warn!("insecure, as asked for: who reaches this address may be let in or may listen");
        }
        files.follow(leaving.clone());
        let gone = CancellationToken::new();
        let _gone = gone.clone().drop_guard();
        if let Some(page) = page {
            page.show(metrics.clone(), gone);
        }
        let limits = config.limits;
        let hall = Hall {
            peers: Peers::new(limits.peer_connections, limits.connections),
            paces: Paces::new(limits.peer_rate, limits.rate),
            accounts: Accounts::new(&limits, metrics.held.clone()),
            metrics: metrics.clone(),
            silence: limits.silence(),
        };
        let calls = CallsLayer {
            peers: Peers::new(limits.peer_calls, limits.calls),
            metrics,
        };
        let listeners = std::iter::once(listener).chain(inner).collect();
        let serving = tonic::transport::Server::builder()
            .http2_keepalive_interval(Some(limits.silence()))
            .http2_keepalive_timeout(Some(limits.silence()))
            // One more than may be, so that it is told; more wait with their client.
            .max_concurrent_streams(u32::try_from(limits.peer_calls.saturating_add(1)).ok())
            .layer(calls)
            .layer(GateLayer(Arc::new(access)))
            .layer(tower::util::MapResponseLayer::new(
                oversize::rename_code::<Body>,
            ))
            .add_routes(routes.routes())
            .serve_with_incoming_shutdown(
                listen::connections(listeners, &hall, &leaving),
                leaving.clone().cancelled_owned(),
            );
        let mut serving = std::pin::pin!(serving);
        tokio::select! {
            ended = &mut serving => return Ok(ended?),
            () = shutdown => {}
        }
        info!(drain = ?config.drain, "leaving: no new calls");
        // Empty is the server as a whole.
        let services = services.into_iter().chain([""]);
        for service in services.clone() {
            health
                .set_service_status(service, ServingStatus::NotServing)
                .await;
        }
        leaving.cancel();
        end_watches(health, services).await;
        let ended = tokio::time::timeout(config.drain, serving).await;
        if let Ok(ended) = ended {
            ended?;
        } else {
            warn!("calls were still open at the deadline; their clients will try again");
        }
        Ok(())
    }
}

/// What it is secured with, if that is enough for where it listens.
fn secured(config: &Config) -> Result<Files, Error> {
    let missing = config.missing();
    if !missing.is_empty() {
        let address = config.listen;
        return Err(Error::Exposed { address, missing });
    }
    let certificates = config.tls.clone().map(Certificates::read).transpose()?;
    let tokens = config.tokens.as_deref().map(Tokens::read).transpose()?;
    Ok(Files {
        tokens: tokens.map(Arc::new),
        certificates: certificates.map(Arc::new),
    })
}

/// Ends the watches of the health of these services once they have told the last of it: who never
/// lets go of one would keep the server until the deadline. Who asks anew is told the same.
async fn end_watches(mut health: HealthReporter, services: impl Iterator<Item = &'static str>) {
    for service in services {
        health.clear_service_status(service).await;
        health
            .set_service_status(service, ServingStatus::NotServing)
            .await;
    }
}
