//! The servers of a search: prediction and search service on one port, or the
//! search service alone beside a prediction server that runs elsewhere.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use anyhow::{Context, anyhow};
use peng_client::{Client, Options};
use peng_orchestrator::{Error, Orchestrator};
use peng_store::Sqlite;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;

use super::args::Plan;
use crate::exit::Failure;

/// The servers, running.
pub(super) struct Host {
    pub(super) orchestrator: Arc<Orchestrator>,
    /// Where workers on this machine reach the orchestrator.
    pub(super) url: String,
    /// The prediction server.
    pub(super) predictor: String,
    serving: JoinHandle<anyhow::Result<()>>,
    stop: CancellationToken,
}

impl Host {
    /// Opens the state and listens. The search itself is not started.
    pub(super) async fn start(plan: &Plan) -> Result<Self, Failure> {
        let store = Arc::new(Sqlite::open(&plan.state).await?);
        let listen = plan
            .listen
            .unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        match &plan.predictor {
            None => Self::whole(plan, listen, store).await,
            Some(predictor) => Self::joined(plan, listen, store, predictor).await,
        }
    }

    async fn whole(plan: &Plan, listen: SocketAddr, store: Arc<Sqlite>) -> Result<Self, Failure> {
        let config = peng_server::Config::new(listen);
        let mut server = peng_server::Server::bind(config, store.clone()).await?;
        let url = reachable(server.local_addr());
        let mut config = plan.config.clone();
        config.leaving = server.leaving();
        let predictor = Client::connect_lazy(&url, Options::patient())?;
        let orchestrator = Orchestrator::open(config, store, predictor)
            .await
            .map_err(failure)?;
        server.add_service(orchestrator.service()).await;
        let stop = CancellationToken::new();
        let run = server.run(stop.clone().cancelled_owned());
        Ok(Self {
            orchestrator: Arc::new(orchestrator),
            predictor: url.clone(),
            url,
            serving: tokio::spawn(async { Ok(run.await?) }),
            stop,
        })
    }

    async fn joined(
        plan: &Plan,
        listen: SocketAddr,
        store: Arc<Sqlite>,
        predictor: &str,
    ) -> Result<Self, Failure> {
        let client = Client::connect_lazy(predictor, Options::patient()).map_err(Failure::input)?;
        let listener = TcpListener::bind(listen)
            .await
            .with_context(|| format!("cannot listen on {listen}"))?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let mut config = plan.config.clone();
        config.leaving = stop.clone();
        let orchestrator = Orchestrator::open(config, store, client)
            .await
            .map_err(failure)?;
        let service = orchestrator.service();
        let (health, health_service) = tonic_health::server::health_reporter();
        set_serving(&health, &service).await;
        let serving = tonic::transport::Server::builder()
            .add_service(service)
            .add_service(health_service)
            .serve_with_incoming_shutdown(
                TcpListenerStream::new(listener),
                stop.clone().cancelled_owned(),
            );
        Ok(Self {
            orchestrator: Arc::new(orchestrator),
            url: reachable(address),
            predictor: predictor.to_owned(),
            serving: tokio::spawn(async { Ok(serving.await?) }),
            stop,
        })
    }

    /// Completes with the reason when the server ends by itself.
    pub(super) async fn lost(&mut self) -> anyhow::Error {
        match (&mut self.serving).await {
            Ok(Ok(())) => anyhow!("the server ended"),
            Ok(Err(error)) => error,
            Err(error) => error.into(),
        }
    }

    /// Tells the prediction server what has ended, and leaves.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        self.orchestrator.drain().await;
        self.stop.cancel();
        if self.serving.is_finished() {
            return Ok(());
        }
        self.serving.await?
    }
}

async fn set_serving<S: tonic::server::NamedService>(
    health: &tonic_health::server::HealthReporter,
    _service: &S,
) {
    health.set_serving::<S>().await;
}

/// The address as processes on this machine reach it.
fn reachable(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    format!("http://{address}")
}

/// What the orchestrator cannot do, with the exit code that fits.
pub(super) fn failure(error: Error) -> Failure {
    match error {
        Error::Settings(_)
        | Error::Training(_)
        | Error::Differs { .. }
        | Error::ExperimentTaken { .. } => Failure::input(error),
        _ => Failure::Failed(error.into()),
    }
}
