//! What peers can make a server hold that send half of a message or do not read.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use peng_client::{Client, Credentials, Options, v1};
use peng_proto::error::reason_of;
use peng_server::Metrics;
use prost::Message;
use tokio::task::JoinSet;
use tonic::{Code, Status, body::Body, client::GrpcService, transport::Channel};

use crate::harness::{Running, config, experiment, trial};

const TRIAL: &str = "experiments/e/trials/t";
const EPOCHS: u32 = 2_000;

/// A server that holds a MiB for each peer, with a trial that has a long curve, and its client.
async fn start() -> (Running, Client) {
    let mut config = config();
    config.limits.peer_bytes = 1 << 20;
    config.limits.queue_millis = 50;
    let server = Running::start(config).await;
    let client = server.client("http", Credentials::default());
    let client = client.with_options(Options::default());
    client.create_experiment(experiment("e")).await.unwrap();
    client.create_trial(trial("t")).await.unwrap();
    let mut reporter = client.reporter(TRIAL);
    for epoch in 1..=EPOCHS {
        reporter.send(f64::from(epoch) / 100.0, 50.0).unwrap();
    }
    while reporter.decided().await.unwrap().is_some() {}
    (server, client)
}

async fn channel(server: &Running) -> Channel {
    let endpoint = Channel::from_shared(format!("http://{}", server.address)).unwrap();
    // No more than this is on its way to who does not read.
    let endpoint = endpoint
        .initial_stream_window_size(65_535)
        .initial_connection_window_size(65_535);
    endpoint.connect().await.unwrap()
}

/// The bytes that a server says it holds.
fn held(metrics: &Metrics) -> usize {
    let text = metrics.text();
    let line = text
        .lines()
        .find(|line| line.starts_with("peng4nn_held_bytes "));
    line.unwrap().split(' ').nth(1).unwrap().parse().unwrap()
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap();
    [&[0][..], &length.to_be_bytes(), message].concat()
}

/// Calls, and reads nothing of the answer's messages.
async fn call(mut channel: Channel, method: &str, body: Body) -> Response<Body> {
    let path = format!("http://server/peng4nn.v1.PredictionService/{method}");
    let request = Request::post(path)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(body)
        .unwrap();
    std::future::poll_fn(|cx| channel.poll_ready(cx))
        .await
        .unwrap();
    channel.call(request).await.unwrap()
}

fn whole(messages: Vec<u8>) -> Body {
    Body::new(http_body_util::Full::from(messages).map_err(|never| match never {}))
}

/// The bytes, and then nothing for ever.
fn unfinished(bytes: Vec<u8>) -> Body {
    let first = futures::stream::iter([Ok::<_, Status>(Frame::data(Bytes::from(bytes)))]);
    let body = StreamBody::new(futures::StreamExt::chain(first, futures::stream::pending()));
    Body::new(body)
}

/// How often something is refused for the bytes of this peer; everything else is an answer.
fn refused(answers: &[Response<Body>]) -> usize {
    let statuses = answers
        .iter()
        .filter_map(|answer| Status::from_header_map(answer.headers()));
    statuses
        .map(|status| {
            assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
            assert_eq!(reason_of(&status).as_deref(), Some("TOO_MANY_BYTES"));
        })
        .count()
}

/// Half of them wait for room until they are told that there is none.
#[tokio::test(flavor = "multi_thread")]
async fn pages_that_are_not_read_are_few_and_make_room_once_they_are() {
    let (server, client) = start().await;
    let request = v1::ListTrialsRequest {
        parent: "experiments/e".to_owned(),
        view: v1::TrialView::Full.into(),
        ..v1::ListTrialsRequest::default()
    };
    let mut calls = JoinSet::new();
    for _ in 0..8 {
        let channel = channel(&server).await;
        let body = whole(framed(&request.encode_to_vec()));
        calls.spawn(async move { call(channel, "ListTrials", body).await });
    }
    let answers = calls.join_all().await;
    assert_eq!(refused(&answers), 7);
    assert_eq!(held(&server.metrics), 1 << 20);
    // Others go on with what is small.
    let answer = client.get_experiment(v1::GetExperimentRequest {
        name: "experiments/e".to_owned(),
    });
    answer.await.unwrap();
    for answer in answers {
        answer.into_body().collect().await.unwrap();
    }
    let listed = client.list_trials(request).await.unwrap();
    assert_eq!(listed.trials[0].observations.len(), EPOCHS as usize);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn halves_of_large_messages_are_few() {
    let (server, client) = start().await;
    let mut calls = JoinSet::new();
    // 400 KB are announced, a little comes.
    let half = [&[0][..], &400_000_u32.to_be_bytes(), &[10; 100]].concat();
    for _ in 0..8 {
        let (channel, half) = (channel(&server).await, half.clone());
        calls.spawn(async move {
            let call = call(channel, "PredictFitness", unfinished(half));
            tokio::time::timeout(Duration::from_secs(2), call)
                .await
                .ok()
        });
    }
    let mut answers = Vec::new();
    while answers.len() < 6 {
        answers.extend(calls.join_next().await.unwrap().unwrap());
    }
    assert_eq!(refused(&answers), 6);
    let two = held(&server.metrics);
    assert!((800_000..=1 << 20).contains(&two), "{two}");
    // A small message needs no room.
    client
        .get_trial(v1::GetTrialRequest::default())
        .await
        .unwrap_err();
    drop(calls);
    let large = v1::CreateTrialRequest {
        parent: "x".repeat(500_000),
        ..v1::CreateTrialRequest::default()
    };
    let error = client.create_trial(large).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::InvalidArgument), "{error}");
    server.stop().await;
}

/// Whatever is not read, the server reads no more; and nothing of it is lost.
#[tokio::test(flavor = "multi_thread")]
async fn streams_and_watches_that_are_not_read_wait() {
    let (server, client) = start().await;
    let messages: Vec<u8> = (1..=EPOCHS)
        .flat_map(|epoch| {
            let request = v1::StreamObservationsRequest {
                trial: TRIAL.to_owned(),
                observation: Some(v1::Observation {
                    epoch: f64::from(epoch) / 100.0,
                    value: 50.0,
                }),
            };
            framed(&request.encode_to_vec())
        })
        .collect();
    let watch = v1::WatchExperimentRequest {
        name: "experiments/e".to_owned(),
        ..v1::WatchExperimentRequest::default()
    };
    let mut calls = Vec::new();
    for number in 0..24 {
        let channel = channel(&server).await;
        let answer = if number % 2 == 0 {
            call(channel, "StreamObservations", whole(messages.clone())).await
        } else {
            let request = framed(&watch.encode_to_vec());
            call(channel, "WatchExperiment", whole(request)).await
        };
        calls.push((number, answer));
        assert!(held(&server.metrics) <= 1 << 20);
    }
    let full = server.metrics.clone();
    let full = tokio::spawn(async move {
        while held(&full) < 1 << 19 {
            tokio::task::yield_now().await;
        }
    });
    full.await.unwrap();
    // Each is read in its turn, and has all of it.
    let metrics: Arc<Metrics> = server.metrics.clone();
    for (number, answer) in calls {
        let mut body = answer.into_body();
        let mut bytes = Vec::new();
        let mut messages = 0;
        while messages < EPOCHS {
            let frame = body.frame().await.unwrap().unwrap();
            bytes.extend_from_slice(frame.data_ref().unwrap());
            while let Some(length) = bytes.get(1..5) {
                let length = u32::from_be_bytes(length.try_into().unwrap()) as usize;
                if bytes.len() < 5 + length {
                    break;
                }
                bytes.drain(..5 + length);
                messages += 1;
            }
            assert!(held(&metrics) <= 1 << 20);
        }
        assert!(messages >= EPOCHS, "call {number}");
    }
    drop(client);
    server.stop().await;
}
