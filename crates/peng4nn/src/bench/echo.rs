//! A service that sends every call back: what the transport alone costs.

use std::{
    convert::Infallible,
    io::{self, BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{self, Poll},
    time::{Duration, Instant},
};

use anyhow::Context;
use futures::future::BoxFuture;
use http::uri::PathAndQuery;
use peng_client::Transport;
use peng_proto::v1;
use tokio::{net::TcpListener, task::JoinSet};
use tonic::{
    Request, Response, Status,
    body::Body,
    client::Grpc as ClientGrpc,
    server::{Grpc as ServerGrpc, NamedService, UnaryService},
    transport::{Server, server::TcpIncoming},
};
use tonic_prost::ProstCodec;

use super::load::{all, told};

const PATH: &str = "/peng4nn.bench.Echo/Echo";

type Message = v1::ReportObservationRequest;

#[derive(Debug, Clone)]
struct Echo;

impl NamedService for Echo {
    const NAME: &'static str = "peng4nn.bench.Echo";
}

impl UnaryService<Message> for Echo {
    type Response = Message;
    type Future = std::future::Ready<Result<Response<Message>, Status>>;

    fn call(&mut self, request: Request<Message>) -> Self::Future {
        std::future::ready(Ok(Response::new(request.into_inner())))
    }
}

impl tower::Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            let mut grpc = ServerGrpc::new(ProstCodec::<Message, Message>::default());
            Ok(grpc.unary(Self, request).await)
        })
    }
}

/// Serves on a free port, which is the first line of its output, until its input ends.
pub(super) async fn serve() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    Server::builder()
        .add_service(Echo)
        .serve_with_incoming_shutdown(
            TcpIncoming::from(listener).with_nodelay(Some(true)),
            async {
                let input_ends = || io::copy(&mut io::stdin(), &mut io::sink());
                drop(tokio::task::spawn_blocking(input_ends).await);
            },
        )
        .await?;
    Ok(())
}

/// A process that serves; it ends with this value.
pub(super) struct Process {
    child: Child,
    pub(super) endpoint: String,
}

impl Process {
    /// Starts it.
    pub(super) fn start() -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("this program cannot be found")?;
        let mut child = Command::new(program)
            .args(["bench", "--serve-echo"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the echo cannot be started")?;
        let mut endpoint = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out).read_line(&mut endpoint)?;
        }
        endpoint.truncate(endpoint.trim_end().len());
        Ok(Self { child, endpoint })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Its end is of no consequence.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Calls a second with so many under way, for so long.
pub(super) async fn measure(
    channels: &[Transport],
    in_flight: u32,
    time: Duration,
) -> anyhow::Result<f64> {
    let count = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for index in 0..in_flight {
        let mut client = ClientGrpc::new(channels[index as usize % channels.len()].clone());
        let count = count.clone();
        tasks.spawn(async move {
            let message = Message {
                trial: format!("experiments/bench-1700000000000000/trials/t{index}"),
                observation: Some(v1::Observation {
                    epoch: 1.0,
                    value: 50.0,
                }),
            };
            while start.elapsed() < time {
                client.ready().await?;
                let codec = ProstCodec::<Message, Message>::default();
                let path = PathAndQuery::from_static(PATH);
                let answer: Result<Response<Message>, Status> = client
                    .unary(Request::new(message.clone()), path, codec)
                    .await;
                answer.map_err(|status| told("the echo", &status))?;
                count.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        });
    }
    all(tasks).await?;
    Ok(count.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64())
}
