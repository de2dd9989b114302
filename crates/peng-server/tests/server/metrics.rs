//! What the server shows of itself.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use peng_client::{Credentials, v1};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{Running, config, experiment, trial};

/// The page as a scraper reads it.
async fn page(address: std::net::SocketAddr) -> String {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = "GET /metrics HTTP/1.1\r\nhost: server\r\nconnection: close\r\n\r\n";
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("application/openmetrics-text"), "{answer}");
    answer
}

/// The value of the only line that begins with `start`.
pub(crate) fn value(page: &str, start: &str) -> f64 {
    let lines: Vec<_> = page
        .lines()
        .filter(|line| line.starts_with(start))
        .collect();
    assert_eq!(lines.len(), 1, "{start}: {lines:?}");
    lines[0].rsplit(' ').next().unwrap().parse().unwrap()
}

/// A stopped trial, a refused observation, and a call that fails.
async fn work(client: &peng_client::Client) {
    client.create_experiment(experiment("e")).await.unwrap();
    client.create_trial(trial("t")).await.unwrap();
    let mut reporter = client.reporter("experiments/e/trials/t");
    let mut epoch = 0_u32;
    loop {
        epoch += 1;
        let value = 80.0 - 60.0 * (-0.8 * f64::from(epoch)).exp();
        let decision = reporter.report(epoch.into(), value).await.unwrap();
        if decision.must_stop {
            break;
        }
    }
    reporter.report(1.0, 1.0).await.unwrap_err();
    let name = "experiments/none".to_owned();
    let request = v1::GetExperimentRequest { name };
    client.get_experiment(request).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_counted_and_every_metric_is_on_its_page() {
    let mut config = config();
    config.metrics = Some("127.0.0.1:0".parse().unwrap());
    let server = Running::start(config).await;
    let client = server.client("http", Credentials::default());
    work(&client).await;
    let page = page(server.metrics_address.unwrap()).await;
    assert_eq!(value(&page, "peng4nn_trials_in_memory "), 1.0);
    assert_eq!(value(&page, "peng4nn_connections "), 1.0);
    assert_eq!(
        value(&page, "peng4nn_refusals_total{reason=\"EPOCH_TAKEN\"}"),
        1.0
    );
    let stops = "peng4nn_verdicts_total{verdict=\"STOP\"";
    assert_eq!(value(&page, stops), 1.0);
    assert!(value(&page, "peng4nn_epochs_saved_total ") >= 1.0);
    let missing = "peng4nn_calls_total{method=\"/peng4nn.v1.PredictionService/GetExperiment\",\
                   code=\"NOT_FOUND\"}";
    assert_eq!(value(&page, missing), 1.0);
    let fits = value(&page, "peng4nn_fit_seconds_count ");
    // The refused one has no decision.
    assert_eq!(value(&page, "peng4nn_decision_seconds_count "), fits);
    assert!(value(&page, "peng4nn_commit_writes_count ") >= fits);

    let described = include_str!("../../../../docs/metrics.md");
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
        let name = cells.next()?.trim_end_matches('`').to_owned();
        let kind = cells.next()?.to_owned();
        let what = cells.nth(1)?.to_owned();
        Some((name, kind, what))
    };
    let described: BTreeSet<_> = described.lines().filter_map(row).collect();
    let word = |start: &str, name: &str| {
        let line = page.lines().find_map(|line| {
            line.strip_prefix(start)?
                .strip_prefix(name)?
                .strip_prefix(' ')
        });
        line.unwrap().trim_end_matches('.').to_owned()
    };
    let names = page.lines().filter_map(|line| line.strip_prefix("# HELP "));
    let names = names.map(|line| line.split(' ').next().unwrap());
    let shown: BTreeSet<_> = names
        .map(|name| {
            (
                name.to_owned(),
                word("# TYPE ", name),
                word("# HELP ", name),
            )
        })
        .collect();
    assert_eq!(described, shown);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_left_are_counted_and_none_stays_open() {
    let server = Running::start(config()).await;
    let client = server.client("http", Credentials::default());
    work(&client).await;
    let mut watch = client.watch("experiments/e", "");
    watch.next().await.unwrap();
    let open = "peng4nn_open_calls{method=\"/peng4nn.v1.PredictionService/WatchExperiment\"}";
    assert_eq!(value(&server.metrics.text(), open), 1.0);
    drop(watch);
    // The connection tells the server; a call's task ends a moment after it.
    let end = Instant::now() + Duration::from_secs(10);
    while value(&server.metrics.text(), open) > 0.0 {
        assert!(Instant::now() < end, "the watch stays open");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.stop().await;
}
