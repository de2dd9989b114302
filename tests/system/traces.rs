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

use crate::{
    harness::Process,
    search::{data, free_port},
};

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

/// All that was sent until both processes had left.
async fn rest(spans: &mut mpsc::UnboundedReceiver<(String, Span)>) -> Vec<(String, Span)> {
    let mut sent = Vec::new();
    spans.recv_many(&mut sent, usize::MAX).await;
    sent
}

#[tokio::test(flavor = "multi_thread")]
async fn a_candidate_in_training_is_one_trace_with_all_calls_for_it() {
    let (address, mut spans) = collector().await;
    let folder = tempfile::tempdir().unwrap();
    let listen = format!("127.0.0.1:{}", free_port());
    let out = folder.path().to_str().unwrap();
    let arguments = "search --workers 0 --candidates 1 --population 2 --epochs 2 --nodes 3 \
                     --channels 4,8 --train-images 300 --validation-images 200";
    let mut arguments: Vec<&str> = arguments.split_whitespace().collect();
    arguments.extend([
        "--listen",
        &listen,
        "--out",
        out,
        "--otlp-endpoint",
        &address,
    ]);
    let mut search = Process::start("peng4nn", &arguments);
    let (endpoint, data) = (format!("http://{listen}"), data());
    let mut arguments = vec!["--orchestrator", &endpoint, "--data", &data];
    arguments.extend(["--device", "cpu", "--threads", "1", "--patience", "60"]);
    arguments.extend(["--otlp-endpoint", &address]);
    let mut worker = Process::start("peng4nn-worker", &arguments);
    let left = tokio::task::spawn_blocking(move || (search.wait(), worker.wait()));
    assert_eq!(left.await.unwrap(), (Some(0), Some(0)));
    let sent = rest(&mut spans).await;
    let trained = sent.iter().find(|(_, span)| span.name == "candidate");
    let (service, trained) = trained.unwrap();
    assert!(service.contains("peng4nn-worker"), "{service}");
    let answered = |method: &str| {
        let answers = sent.iter().filter(|(service, span)| {
            !service.contains("worker") && span.name == format!("peng4nn.v1.{method}")
        });
        answers
            .filter(|(_, span)| span.trace_id == trained.trace_id)
            .count()
    };
    assert_eq!(answered("PredictionService/StreamObservations"), 1);
    assert_eq!(answered("SearchService/CompleteCandidate"), 1);
    // What was asked for before there was a candidate.
    assert_eq!(answered("SearchService/LeaseCandidate"), 0);
}
