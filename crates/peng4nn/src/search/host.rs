//! The servers of a search: prediction and search service on one port, or the
//! search service alone beside a prediction server that runs elsewhere.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use anyhow::anyhow;
use peng_client::{Client, Options};
use peng_orchestrator::{Error, Orchestrator};
use peng_proto::names;
use peng_server::Server;
use peng_store::Sqlite;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{args::Plan, fleet::TakeBack};
use crate::{exit::Failure, serve};

/// The servers, running.
pub(super) struct Host {
    pub(super) orchestrator: Arc<Orchestrator>,
    /// Where workers on this machine reach the orchestrator.
    pub(super) url: String,
    /// Where others reach it.
    pub(super) address: String,
    /// The prediction server.
    pub(super) predictor: Client,
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

    /// Listens at the address for workers elsewhere, secured, and for those here.
    fn config(plan: &Plan, listen: SocketAddr) -> peng_server::Config {
        let mut config = peng_server::Config::new(listen);
        config.tls = plan.secure.tls();
        config.tokens.clone_from(&plan.secure.tokens);
        config.insecure = plan.secure.insecure_listen_without_tls_and_authentication;
        config.inner = config.tls.is_some() || config.tokens.is_some();
        config
    }

    async fn whole(plan: &Plan, listen: SocketAddr, store: Arc<Sqlite>) -> Result<Self, Failure> {
        let server = Server::bind(Self::config(plan, listen), store.clone())
            .await
            .map_err(serve::failure)?;
        let url = reachable(&server);
        let predictor = Client::connect_lazy(&url, Options::patient())?;
        Self::run(plan, server, store, predictor).await
    }

    async fn joined(
        plan: &Plan,
        listen: SocketAddr,
        store: Arc<Sqlite>,
        predictor: &str,
    ) -> Result<Self, Failure> {
        let credentials = plan.credentials.clone();
        let predictor = Client::connect_lazy_with(predictor, Options::patient(), credentials)
            .map_err(Failure::input)?;
        let server = Server::bind_bare(Self::config(plan, listen))
            .await
            .map_err(serve::failure)?;
        Self::run(plan, server, store, predictor).await
    }

    async fn run(
        plan: &Plan,
        mut server: Server,
        store: Arc<Sqlite>,
        predictor: Client,
    ) -> Result<Self, Failure> {
        let mut config = plan.config.clone();
        config.leaving = server.leaving();
        let experiment = names::Experiment(config.search.0.clone());
        let orchestrator = Orchestrator::open(config, store, predictor.clone())
            .await
            .map_err(failure)?;
        let service = orchestrator.service();
        server.add_service_about(service, experiment).await;
        let url = reachable(&server);
        let scheme = plan.secure.tls().map_or("http", |_| "https");
        let address = format!("{scheme}://{}", server.local_addr());
        let stop = CancellationToken::new();
        let run = server.run(stop.clone().cancelled_owned());
        Ok(Self {
            orchestrator: Arc::new(orchestrator),
            predictor: predictor.with_options(Options::default()),
            url,
            address,
            serving: tokio::spawn(async { Ok(run.await?) }),
            stop,
        })
    }

    /// Takes back what a worker had that is gone, instead of waiting for its lease to run out.
    pub(super) fn take_back(&self) -> TakeBack {
        let orchestrator = self.orchestrator.clone();
        Arc::new(move |worker, reason| {
            let orchestrator = orchestrator.clone();
            Box::pin(async move {
                if let Err(error) = orchestrator.lose(&worker, &reason).await {
                    let error = format!("{:#}", anyhow::Error::from(error));
                    tracing::warn!(worker, error, "cannot take back what it had yet");
                }
            })
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

/// The address as processes on this machine reach it.
fn reachable(server: &Server) -> String {
    let mut address = server.inner_addr().unwrap_or(server.local_addr());
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
        | Error::Fewer { .. }
        | Error::ExperimentTaken { .. } => Failure::input(error),
        _ => Failure::Failed(error.into()),
    }
}
