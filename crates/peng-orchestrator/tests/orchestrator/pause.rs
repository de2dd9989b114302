//! A search held back and gone on with.

use std::time::{Duration, Instant};

use peng_client::Client;
use peng_proto::v1::{self, SearchState, lease_candidate_response::Work};

use crate::harness::{Running, assignment, config, evaluate, finish, lease, reopen, search, train};

async fn pause(client: &Client) -> v1::Search {
    let request = v1::PauseSearchRequest {
        name: "searches/demo".to_owned(),
    };
    client.pause_search(request).await.unwrap().search.unwrap()
}

async fn resume(client: &Client) -> v1::Search {
    let request = v1::ResumeSearchRequest::default();
    client.resume_search(request).await.unwrap().search.unwrap()
}

async fn listed(client: &Client) -> v1::Search {
    let request = v1::ListSearchesRequest::default();
    let page = client.list_searches(request).await.unwrap();
    assert_eq!(
        (page.searches.len(), page.next_page_token.as_str()),
        (1, "")
    );
    page.searches.into_iter().next().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_lent_goes_on_and_nothing_else_is_lent() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(config(), reopen(folder.path()).await).await;
    let client = &running.client;
    let held = assignment(client, "trains on").await;
    let waiting = assignment(client, "gives back").await;
    train(client, &held, 2).await;

    let paused = pause(client).await;
    assert_eq!(
        (paused.state(), paused.leased_count),
        (SearchState::Paused, 2)
    );
    assert_eq!(pause(client).await, paused, "again changes nothing");
    let idle = lease(client, "idle", 0).await;
    assert!(matches!(idle, Work::Idle(_)), "{idle:?}");
    let renewal = v1::RenewLeaseRequest {
        candidate: held.candidate.to_string(),
        lease_token: held.lease.token.clone(),
    };
    client.renew_lease(renewal).await.unwrap();
    evaluate(client, &held).await;
    running
        .orchestrator
        .lose("gives back", "gone")
        .await
        .unwrap();
    let idle = lease(client, "idle", 0).await;
    assert!(matches!(idle, Work::Idle(_)), "not even {idle:?}");
    let told = listed(client).await;
    assert_eq!(
        (told.state(), told.settled_count, told.leased_count),
        (SearchState::Paused, 1, 0)
    );

    let (since, patient) = (Instant::now(), client.clone());
    let next = tokio::spawn(async move { assignment(&patient, "waits").await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!next.is_finished());
    assert_eq!(resume(client).await.state(), SearchState::Running);
    let next = next.await.unwrap();
    assert_eq!(next.candidate, waiting.candidate);
    assert!(since.elapsed() < Duration::from_secs(5), "it was not told");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_resumes_nothing_and_the_search_ends_as_one_that_was_never_paused() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(config(), reopen(folder.path()).await).await;
    evaluate(&running.client, &assignment(&running.client, "first").await).await;
    pause(&running.client).await;
    running.kill();

    let running = Running::start(config(), reopen(folder.path()).await).await;
    assert_eq!(listed(&running.client).await.state(), SearchState::Paused);
    let idle = lease(&running.client, "idle", 0).await;
    assert!(matches!(idle, Work::Idle(_)), "{idle:?}");
    resume(&running.client).await;
    finish(&running).await;
    let resumed = running.orchestrator.snapshot().await.unwrap();
    let undisturbed = search(config()).await.orchestrator.snapshot().await;
    assert_eq!(resumed.summary.front, undisturbed.unwrap().summary.front);

    for finished in [pause(&running.client).await, resume(&running.client).await] {
        assert_eq!(finished.state(), SearchState::Finished);
    }
}
