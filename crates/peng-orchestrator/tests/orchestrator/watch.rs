//! A search followed as it changes.

use std::collections::HashMap;

use peng_client::{Options, watch::SearchWatcher};
use peng_proto::v1::{self, CandidateState, SearchState, watch_search_response::Event};
use peng_store::Sqlite;

use crate::harness::{Running, assignment, complete, config, evaluate, finish, reopen};

/// What is told, in short: `PAUSED`, `c0001 LEASED 1`.
fn told(event: &v1::WatchSearchResponse) -> String {
    match event.event.as_ref().unwrap() {
        Event::Search(search) => search.state().as_str_name().replace("SEARCH_STATE_", ""),
        Event::Candidate(candidate) => format!(
            "{} {} {}",
            candidate.name.rsplit('/').next().unwrap(),
            candidate
                .state()
                .as_str_name()
                .replace("CANDIDATE_STATE_", ""),
            candidate.attempt
        ),
    }
}

async fn next(watcher: &mut SearchWatcher) -> String {
    told(&watcher.next().await.unwrap().unwrap())
}

async fn some(watcher: &mut SearchWatcher, count: usize) -> Vec<String> {
    let mut events = Vec::new();
    for _ in 0..count {
        events.push(next(watcher).await);
    }
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn all_is_told_and_then_what_changes() {
    let store = std::sync::Arc::new(Sqlite::in_memory().await.unwrap());
    let running = Running::start(config(), store).await;
    let mut watcher = running.client.watch_search("searches/demo", "");
    // A generation is proposed at once.
    assert_eq!(
        some(&mut watcher, 5).await,
        [
            "RUNNING",
            "c0001 PROPOSED 0",
            "c0002 PROPOSED 0",
            "c0003 PROPOSED 0",
            "c0004 PROPOSED 0"
        ]
    );
    let held = assignment(&running.client, "worker").await;
    assert_eq!(next(&mut watcher).await, "c0001 LEASED 1");
    let renewal = v1::RenewLeaseRequest {
        candidate: held.candidate.to_string(),
        lease_token: held.lease.token.clone(),
    };
    running.client.renew_lease(renewal).await.unwrap();
    let request = v1::PauseSearchRequest::default();
    running.client.pause_search(request).await.unwrap();
    assert_eq!(
        next(&mut watcher).await,
        "PAUSED",
        "a renewal is none of it"
    );
    let preempted = CandidateState::Preempted;
    complete(&running.client, &held, preempted, v1::Outcome::default())
        .await
        .unwrap();
    assert_eq!(next(&mut watcher).await, "c0001 PROPOSED 1");

    let request = v1::ResumeSearchRequest::default();
    running.client.resume_search(request).await.unwrap();
    assert_eq!(next(&mut watcher).await, "RUNNING");
    let following = tokio::spawn(async move {
        let mut events = Vec::new();
        while let Some(event) = watcher.next().await.unwrap() {
            events.push(event);
        }
        events
    });
    finish(&running).await;
    let events = following.await.unwrap();
    let Some(Event::Search(last)) = &events.last().unwrap().event else {
        panic!("the search is told last")
    };
    assert_eq!(
        (last.state(), last.settled_count),
        (SearchState::Finished, 8)
    );
    let mut latest = HashMap::new();
    for event in &events {
        if let Some(Event::Candidate(candidate)) = &event.event {
            let before = latest.insert(candidate.name.clone(), candidate.clone());
            assert_ne!(before.as_ref(), Some(candidate));
        }
    }
    for candidate in running.client.candidates("").await.unwrap() {
        assert_eq!(latest.get(&candidate.name), Some(&candidate));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_goes_on_after_its_token_and_begins_anew_with_another_server() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(config(), reopen(folder.path()).await).await;
    let mut watcher = running.client.watch_search("", "");
    some(&mut watcher, 3).await;
    let token = watcher.token().to_owned();
    drop(watcher);
    evaluate(
        &running.client,
        &assignment(&running.client, "worker").await,
    )
    .await;
    // c0001 was lent and settled: it is told once, as it is.
    let mut watcher = running.client.watch_search("", token);
    let events = some(&mut watcher, 3).await;
    assert_eq!(events[..2], ["c0003 PROPOSED 0", "c0004 PROPOSED 0"]);
    assert!(
        ["c0001 STOPPED 1", "c0001 SUCCEEDED 1"].contains(&events[2].as_str()),
        "{events:?}"
    );
    let token = watcher.token().to_owned();
    running.kill();

    let running = Running::start(config(), reopen(folder.path()).await).await;
    let mut watcher = running.client.watch_search("", token);
    let again = some(&mut watcher, 5).await;
    assert_eq!((again[0].as_str(), &again[1]), ("RUNNING", &events[2]));
    // Whoever comes late is told all and then the end.
    finish(&running).await;
    let mut late = running.client.watch_search("", "");
    assert_eq!(some(&mut late, 9).await[8], "FINISHED");
    assert_eq!(late.next().await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_ends_with_the_server_and_refuses_what_is_no_token() {
    let store = std::sync::Arc::new(Sqlite::in_memory().await.unwrap());
    let running = Running::start(config(), store).await;
    let impatient = running.client.with_options(Options {
        patience: std::time::Duration::ZERO,
        ..Options::default()
    });
    let mut watcher = impatient.watch_search("", "");
    some(&mut watcher, 5).await;
    for wrong in ["next", "1a-", "17"] {
        let refused = impatient.watch_search("", wrong).next().await;
        let error = refused.unwrap_err();
        assert_eq!(error.reason().as_deref(), Some("INVALID_FIELD"), "{wrong}");
        assert!(error.to_string().contains("resume_token"), "{error}");
    }
    let other = impatient.watch_search("searches/other", "").next().await;
    assert_eq!(other.unwrap_err().reason().as_deref(), Some("NOT_FOUND"));

    running.leave();
    let left = watcher.next().await.unwrap_err();
    assert_eq!(left.reason().as_deref(), Some("SHUTTING_DOWN"), "{left}");
}
