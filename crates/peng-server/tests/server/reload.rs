//! Tokens and certificates that change while the server runs.

use std::{
    fs,
    time::{Duration, Instant},
};

use peng_client::{Client, v1};
use peng_server::Tls;
use tonic::Code;

use crate::{
    harness::{Running, config, experiment, shown, token, visible, write_tokens},
    tls::{Authority, trusting},
};

/// Waits until `client` is let in, or no longer.
async fn until(client: &Client, is_let_in: bool) {
    let start = Instant::now();
    while visible(client).await.is_ok() != is_let_in {
        assert!(start.elapsed() < Duration::from_secs(20), "nothing changed");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_rotated_and_open_streams_end_with_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens");
    let [old, new] = [1, 2].map(token);
    write_tokens(&file, &[(&old, "never", "admin:experiments/*")]);
    let mut config = config();
    config.tokens = Some(file.clone());
    let server = Running::start(config).await;
    let [old_client, new_client] = [&old, &new].map(|token| server.client("http", shown(token)));
    old_client.create_experiment(experiment("e")).await.unwrap();
    let request = v1::CreateTrialRequest {
        parent: "experiments/e".to_owned(),
        trial_id: "t".to_owned(),
        trial: None,
    };
    old_client.create_trial(request).await.unwrap();
    let mut stream = old_client.reporter("experiments/e/trials/t");
    stream.report(1.0, 10.0).await.unwrap();
    assert!(visible(&new_client).await.is_err());
    write_tokens(&file, &[(&new, "never", "admin:experiments/*")]);
    until(&new_client, true).await;
    until(&old_client, false).await;
    let refused = stream.report(2.0, 20.0).await.unwrap_err();
    assert_eq!(refused.code(), Some(Code::Unauthenticated));
    // The stream has ended, and what had no answer is still to be sent.
    assert_eq!(stream.unanswered(), 1);
    // A file that cannot be used leaves the tokens as they are.
    fs::write(&file, "nonsense").unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    visible(&new_client).await.unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_shown_to_new_connections() {
    let folder = tempfile::tempdir().unwrap();
    let [old, new] = ["old", "new"].map(|name| Authority::new(folder.path(), name));
    let (certificate, key) = old.issue(folder.path(), "server");
    let mut config = config();
    config.tls = Some(Tls {
        certificate,
        key,
        client_ca: None,
    });
    let server = Running::start(config).await;
    let connected = server.client("https", trusting(&old));
    visible(&connected).await.unwrap();
    new.issue(folder.path(), "server");
    let start = Instant::now();
    while visible(&server.client("https", trusting(&new)))
        .await
        .is_err()
    {
        assert!(start.elapsed() < Duration::from_secs(20), "nothing changed");
    }
    // An open connection goes on.
    visible(&connected).await.unwrap();
    server.stop().await;
}
