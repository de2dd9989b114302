//! Sends the spans of calls to an OpenTelemetry collector (OTLP over gRPC).
//!
//! Only spans of calls are sent, those that `peng-client` makes, under the target [`CLIENT`], and
//! those that `peng-server` answers, under [`SERVER`]; and of a candidate in training, under
//! [`WORKER`], whose trace the calls for it are part of. A process without this layer makes none.

use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{
    SpanExporter, WithExportConfig, WithTonicConfig, tonic_types::transport::ClientTlsConfig,
};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tokio::runtime::Handle;
use tracing::{Level, Subscriber};
use tracing_subscriber::{Layer, filter::Targets, registry::LookupSpan};

/// The target of the spans of calls that are made.
pub const CLIENT: &str = "peng_client::trace";

/// The target of the spans of calls that are answered.
pub const SERVER: &str = "peng_server::trace";

/// The target of the spans of candidates in training.
pub const WORKER: &str = "peng_worker::trace";

/// For the collector to take what it is sent.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why spans cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is none.
    #[error("`{endpoint}` is no address of a collector; http://127.0.0.1:4317 would be one")]
    Endpoint {
        /// What was given.
        endpoint: String,
        /// What is wrong with it.
        #[source]
        source: opentelemetry_otlp::ExporterBuildError,
    },
    /// There is no runtime to send with.
    #[error("spans are sent by a tokio runtime, and this is not called in one")]
    Runtime(#[from] tokio::runtime::TryCurrentError),
}

/// Sends what is left when it is dropped, which takes at most some seconds.
#[derive(Debug)]
pub struct Sending(SdkTracerProvider);

impl Drop for Sending {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown_with_timeout(PATIENCE) {
            eprintln!("the last spans were not sent: {error}");
        }
    }
}

/// A layer that sends the spans of calls to the collector at `endpoint`, `http://host:port` or
/// `https://host:port`, as those of the service `service`, for as long as the other value lives.
/// A collector that is not there costs the spans and a line in the log.
///
/// The runtime that this is called in has to have a thread that is free when the process ends.
pub fn layer<S>(
    endpoint: &str,
    service: &'static str,
) -> Result<(impl Layer<S> + Send + Sync + use<S>, Sending), Error>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    Handle::try_current()?;
    let mut exporter = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .with_timeout(PATIENCE);
    if endpoint.starts_with("https://") {
        exporter = exporter.with_tls_config(ClientTlsConfig::new().with_native_roots());
    }
    let exporter = exporter.build().map_err(|source| Error::Endpoint {
        endpoint: endpoint.to_owned(),
        source,
    })?;
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(Resource::builder().with_service_name(service).build())
        .build();
    let calls = Targets::new()
        .with_target(CLIENT, Level::TRACE)
        .with_target(SERVER, Level::TRACE)
        .with_target(WORKER, Level::TRACE);
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer(service))
        .with_location(false)
        .with_threads(false)
        .with_filter(calls);
    Ok((layer, Sending(provider)))
}
