//! A call is one trace from the client to the server, as a collector sees it.

use std::{collections::HashMap, time::Duration};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    trace::v1::{Span, span::SpanKind},
};
use peng_client::{Client, Options};
use peng_proto::v1;
use tokio::{net::TcpListener, sync::mpsc, time::timeout};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, async_trait};
use tracing::{Instrument, info_span, instrument::WithSubscriber};
use tracing_subscriber::layer::SubscriberExt;

use crate::harness::Process;

/// A collector of what is sent over OTLP: the service and the span.
struct Collector(mpsc::UnboundedSender<(String, Span)>);

#[async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for of_resource in request.into_inner().resource_spans {
            let attributes = of_resource.resource.unwrap_or_default().attributes;
            let name = attributes
                .into_iter()
                .find(|attribute| attribute.key == "service.name");
            let name = format!("{:?}", name.unwrap().value.unwrap().value.unwrap());
            for span in of_resource.scope_spans.into_iter().flat_map(|of| of.spans) {
                self.0.send((name.clone(), span)).unwrap();
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// Its address, and what it receives.
async fn collector() -> (String, mpsc::UnboundedReceiver<(String, Span)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (send, spans) = mpsc::unbounded_channel();
    let serving = tonic::transport::Server::builder()
        .add_service(TraceServiceServer::new(Collector(send)))
        .serve_with_incoming(TcpListenerStream::new(listener));
    tokio::spawn(serving);
    (address, spans)
}

/// What a worker does, within a span of its own.
async fn work(endpoint: &str) {
    let client = Client::connect_lazy(endpoint, Options::default()).unwrap();
    let request = v1::CreateExperimentRequest {
        experiment_id: "e".to_owned(),
        experiment: Some(v1::Experiment {
            target_epoch: 20.0,
            ..v1::Experiment::default()
        }),
    };
    client.create_experiment(request).await.unwrap();
    let request = v1::CreateTrialRequest {
        parent: "experiments/e".to_owned(),
        trial_id: "t".to_owned(),
        trial: None,
    };
    client.create_trial(request).await.unwrap();
    let mut reporter = client.reporter("experiments/e/trials/t");
    for epoch in 1..=3_u32 {
        reporter.report(epoch.into(), 50.0).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_one_trace_on_both_sides() {
    let (address, mut spans) = collector().await;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--data", data];
    let mut server = Process::start(
        "peng4nn",
        &[&arguments[..], &["--otlp-endpoint", &address]].concat(),
    );
    let line = server.wait_for("listening");
    let endpoint = format!(
        "http://127.0.0.1:{}",
        line.trim().rsplit(':').next().unwrap()
    );
    let (layer, sending) = peng_telemetry::layer(&address, "worker").unwrap();
    let subscriber = tracing_subscriber::registry().with(layer);
    // Spans of other targets are the program's own business.
    let training = info_span!("training");
    work(&endpoint)
        .instrument(training)
        .with_subscriber(subscriber)
        .await;
    // Both send what they have when they leave.
    tokio::task::spawn_blocking(move || drop(sending))
        .await
        .unwrap();
    let left = tokio::task::spawn_blocking(move || server.signal("TERM"));
    assert_eq!(left.await.unwrap(), Some(0));
    let mut sent = Vec::new();
    while sent.len() < 6 {
        let span = timeout(Duration::from_mins(1), spans.recv()).await;
        sent.push(span.unwrap().unwrap());
    }
    let of = |kind: SpanKind| {
        let spans = sent.iter().filter(move |(_, span)| span.kind() == kind);
        spans.collect::<Vec<_>>()
    };
    let calls = HashMap::from([
        ("create_experiment", "CreateExperiment"),
        ("create_trial", "CreateTrial"),
        ("stream_observations", "StreamObservations"),
    ]);
    let (made, answered) = (of(SpanKind::Client), of(SpanKind::Server));
    assert_eq!((made.len(), answered.len()), (3, 3), "{sent:#?}");
    for (service, call) in made {
        assert!(service.contains("worker"), "{service}");
        let (service, answer) = answered
            .iter()
            .find(|(_, answer)| answer.parent_span_id == call.span_id)
            .unwrap_or_else(|| panic!("nobody answered {call:#?} among {answered:#?}"));
        assert!(service.contains("peng4nn"), "{service}");
        assert_eq!(answer.trace_id, call.trace_id);
        let method = format!("peng4nn.v1.PredictionService/{}", calls[&*call.name]);
        assert_eq!(answer.name, method);
        let code = answer
            .attributes
            .iter()
            .find(|of| of.key == "rpc.grpc.status_code");
        assert!(code.is_some(), "{answer:#?}");
    }
}
