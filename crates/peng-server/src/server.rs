//! A server from its configuration to its end.

use std::{future::Future, io, net::SocketAddr, sync::Arc};

use peng_proto::v1::prediction_service_server::{PredictionServiceServer, SERVICE_NAME};
use peng_store::Trials;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::{
    body::Body,
    server::NamedService,
    service::{Routes, RoutesBuilder},
    transport::server::TcpIncoming,
};
use tonic_health::server::HealthReporter;
use tower::Service as TowerService;
use tracing::{info, warn};

use crate::{
    Config,
    commit::Committer,
    notices::{self, Notices},
    oversize,
    service::Service,
};

/// Why a server cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
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
    listener: TcpListener,
    address: SocketAddr,
    routes: RoutesBuilder,
    health: HealthReporter,
    leaving: CancellationToken,
}

impl Server {
    /// Listens, with the prediction service, health and reflection.
    pub async fn bind(config: Config, store: Arc<dyn Trials>) -> Result<Self, Error> {
        let listen_error = |source| Error::Listen {
            address: config.listen,
            source,
        };
        let listener = TcpListener::bind(config.listen)
            .await
            .map_err(listen_error)?;
        let address = listener.local_addr().map_err(listen_error)?;
        let notices = Arc::new(Notices::default());
        let committer = Committer::start(store.clone(), notices.clone(), config.limits);
        let leaving = CancellationToken::new();
        if store.is_shared() {
            let following = notices::follow(store.clone(), notices.clone(), leaving.clone());
            tokio::spawn(following);
        }
        let service = Service::new(store, committer, notices, config.limits, leaving.clone());
        let service = PredictionServiceServer::new(service)
            .max_decoding_message_size(config.limits.message_bytes);
        let (health, health_service) = tonic_health::server::health_reporter();
        health
            .set_service_status(SERVICE_NAME, tonic_health::ServingStatus::Serving)
            .await;
        let reflection = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(peng_proto::DESCRIPTORS)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        let mut routes = Routes::builder();
        routes
            .add_service(service)
            .add_service(health_service)
            // Many clients still ask for the older version of reflection.
            .add_service(reflection().build_v1alpha()?)
            .add_service(reflection().build_v1()?);
        Ok(Self {
            config,
            listener,
            address,
            routes,
            health,
            leaving,
        })
    }

    /// Where it listens.
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
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
            .set_service_status(S::NAME, tonic_health::ServingStatus::Serving)
            .await;
        self.routes.add_service(service);
    }

    /// Serves until `shutdown`, then gives calls under way the configured time.
    /// All that was acknowledged is on disk when it returns.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) -> Result<(), Error> {
        let Self {
            config,
            listener,
            address,
            routes,
            health,
            leaving,
        } = self;
        info!(%address, "listening");
        let serving = tonic::transport::Server::builder()
            .http2_keepalive_interval(Some(std::time::Duration::from_secs(30)))
            .layer(tower::util::MapResponseLayer::new(
                oversize::rename_code::<Body>,
            ))
            .add_routes(routes.routes())
            .serve_with_incoming_shutdown(
                // Small answers leave at once instead of waiting for an acknowledgement.
                TcpIncoming::from(listener).with_nodelay(Some(true)),
                leaving.clone().cancelled_owned(),
            );
        let mut serving = std::pin::pin!(serving);
        tokio::select! {
            ended = &mut serving => return Ok(ended?),
            () = shutdown => {}
        }
        info!(drain = ?config.drain, "leaving: no new calls");
        health
            .set_service_status(SERVICE_NAME, tonic_health::ServingStatus::NotServing)
            .await;
        leaving.cancel();
        let ended = tokio::time::timeout(config.drain, serving).await;
        if let Ok(ended) = ended {
            ended?;
        } else {
            warn!("calls were still open at the deadline; their clients will try again");
        }
        Ok(())
    }
}
