//! The page with the metrics, on a listener of its own.

use std::{io, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::metrics::Metrics;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Where the metrics are read.
#[derive(Debug)]
pub(crate) struct Page {
    socket: TcpListener,
    address: SocketAddr,
}

impl Page {
    pub(crate) async fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Shows the metrics until `gone`, in a task of its own.
    pub(crate) fn show(self, metrics: Arc<Metrics>, gone: CancellationToken) {
        info!(address = %self.address, "metrics are at /metrics");
        let routes = Router::new()
            .route("/metrics", get(metrics_page))
            .with_state(metrics);
        tokio::spawn(async move {
            let showing = axum::serve(self.socket, routes).into_future();
            if let Some(Err(error)) = gone.run_until_cancelled(showing).await {
                error!(
                    error = &error as &dyn std::error::Error,
                    "metrics are no longer shown"
                );
            }
        });
    }
}

async fn metrics_page(State(metrics): State<Arc<Metrics>>) -> Response {
    ([(CONTENT_TYPE, OPEN_METRICS)], metrics.text()).into_response()
}
