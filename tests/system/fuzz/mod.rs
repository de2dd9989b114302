//! Every call with anything in it: the server answers, does not panic, and does not grow.

mod messages;

use std::{
    env, fs,
    time::{Duration, Instant},
};

use futures::StreamExt;
use http::Request;
use http_body_util::BodyExt;
use rand::{SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use tonic::{Status, body::Body, client::GrpcService, transport::Channel};

use crate::harness::Process;
use messages::{Method, body, methods};

/// Calls at the same time.
const FLIGHTS: usize = 16;
/// A call that is held open, as watches are, is left after this.
const HELD: Duration = Duration::from_millis(100);

/// How long to go on: `PENG4NN_FUZZ_SECONDS`, or 3.
fn seconds() -> u64 {
    env::var("PENG4NN_FUZZ_SECONDS").map_or(3, |seconds| seconds.parse().unwrap())
}

/// `PENG4NN_FUZZ_SEED`, or one by the clock; it is printed.
fn seed() -> u64 {
    let seed = env::var("PENG4NN_FUZZ_SEED").map(|seed| seed.parse().unwrap());
    seed.unwrap_or_else(|_| {
        let now = std::time::SystemTime::now();
        let now = now.duration_since(std::time::UNIX_EPOCH).unwrap();
        now.subsec_nanos().into()
    })
}

/// What comes of one call.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Ended(tonic::Code),
    /// Still open after [`HELD`].
    Held,
    /// The server broke the connection off, which it may do with what is not HTTP/2 any more.
    Broken,
}

async fn call(mut channel: Channel, path: &str, body: Vec<u8>) -> Outcome {
    let request = Request::post(format!("http://server{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Body::new(
            http_body_util::Full::from(body).map_err(|never| match never {}),
        ))
        .unwrap();
    let whole = async {
        std::future::poll_fn(|cx| channel.poll_ready(cx))
            .await
            .ok()?;
        let response = channel.call(request).await.ok()?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.ok()?;
        let trailers = body.trailers().cloned().unwrap_or_default();
        let status = Status::from_header_map(&head.headers);
        status.or_else(|| Status::from_header_map(&trailers))
    };
    match tokio::time::timeout(HELD, whole).await {
        Ok(Some(status)) => {
            // A defect says so; bytes that are no message are tonic's own INTERNAL.
            let reason = peng_proto::error::reason_of(&status);
            assert_ne!(reason.as_deref(), Some("INTERNAL"), "{path}: {status}");
            Outcome::Ended(status.code())
        }
        Ok(None) => Outcome::Broken,
        Err(_) => Outcome::Held,
    }
}

/// Bytes of memory that a process has in use.
fn memory(process: u32) -> u64 {
    let pages = fs::read_to_string(format!("/proc/{process}/statm")).unwrap();
    let resident: u64 = pages.split(' ').nth(1).unwrap().parse().unwrap();
    resident * 4_096
}

/// Calls until `end`; how many of them ended in each way.
async fn storm(
    channel: &Channel,
    methods: &[Method],
    random: &mut ChaCha8Rng,
    end: Instant,
) -> usize {
    let calls = futures::stream::iter(std::iter::from_fn(|| {
        (Instant::now() < end).then(|| {
            let method = methods.choose(random).unwrap();
            call(channel.clone(), &method.path, body(method, random))
        })
    }));
    calls
        .buffer_unordered(FLIGHTS)
        .fold(0, |ended, outcome| {
            let ended = ended + usize::from(matches!(outcome, Outcome::Ended(_)));
            std::future::ready(ended)
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_breaks_the_server_or_makes_it_grow() {
    let (seconds, seed) = (seconds(), seed());
    println!("{seconds} s; PENG4NN_FUZZ_SEED={seed}");
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut server = Process::start(
        "peng4nn",
        &[
            "search",
            "--workers=0",
            // What is leased is not heard of again: it is lent anew every second, and a search
            // whose candidates were all lost too often would end by itself.
            "--lease=1",
            "--attempts=4294967295",
            "--listen=127.0.0.1:0",
            "--log=warn,peng_server=info",
            "--log-format=json",
            "--out",
            out.to_str().unwrap(),
        ],
    );
    let line = server.wait_for("listening");
    let address = line.split("\"address\":\"").nth(1).unwrap();
    let address = address.split('"').next().unwrap().to_owned();
    let channel = Channel::from_shared(format!("http://{address}"))
        .unwrap()
        .connect_lazy();
    let methods = methods();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    // The first third fills what is bounded: the trials of a few names, caches, arenas.
    let begin = Instant::now();
    let third = Duration::from_millis(seconds * 1_000 / 3);
    let mut ended = storm(&channel, &methods, &mut random, begin + third).await;
    let filled = memory(server.id());
    ended += storm(&channel, &methods, &mut random, begin + third * 3).await;
    assert_eq!(server.ended(), None, "it said {:?}", server.said());
    let grown = memory(server.id());
    println!(
        "{ended} calls ended; {} MiB after a third, {} MiB at the end",
        filled >> 20,
        grown >> 20
    );
    assert!(ended > 100, "{ended} calls ended");
    assert!(
        grown < filled + filled / 4 + (16 << 20),
        "{filled} bytes after a third, {grown} at the end"
    );
    for line in server.said() {
        assert!(!line.contains("panicked"), "{line}");
    }
    let path = "/grpc.health.v1.Health/Check";
    let healthy = call(channel, path, vec![0; 5]).await;
    assert_eq!(healthy, Outcome::Ended(tonic::Code::Ok));
    assert_eq!(server.signal("TERM"), Some(130));
}
