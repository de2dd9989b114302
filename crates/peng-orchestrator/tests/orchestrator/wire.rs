//! What a client may ask, and what it is told when it may not.

use std::{sync::Arc, time::Duration};

use peng_client::{Client, Error};
use peng_proto::{search::Assignment, v1};
use peng_store::Sqlite;
use tonic::Code;
use tonic_types::StatusExt;

use crate::harness::{Running, assignment, complete, config};

async fn start() -> Running {
    Running::start(config(), Arc::new(Sqlite::in_memory().await.unwrap())).await
}

/// The code, and the field at fault where there is one.
fn fault<T: std::fmt::Debug>(answer: Result<T, Error>) -> (Code, String) {
    let Error::Status { status, .. } = answer.unwrap_err() else {
        panic!("the server did not refuse");
    };
    let violations = status
        .get_details_bad_request()
        .map(|details| details.field_violations);
    let field = violations.and_then(|violations| Some(violations.first()?.field.clone()));
    (status.code(), field.unwrap_or_default())
}

fn invalid(field: &str) -> (Code, String) {
    (Code::InvalidArgument, field.to_owned())
}

async fn lease(
    client: &Client,
    change: impl FnOnce(&mut v1::LeaseCandidateRequest),
) -> (Code, String) {
    let mut request = v1::LeaseCandidateRequest {
        worker: "worker".to_owned(),
        ..v1::LeaseCandidateRequest::default()
    };
    change(&mut request);
    fault(client.lease_candidate(request).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_request_for_a_lease_names_its_field() {
    let client = start().await.client;
    assert_eq!(
        lease(&client, |r| r.worker.clear()).await,
        invalid("worker")
    );
    assert_eq!(
        lease(&client, |r| r.worker = "w".repeat(101)).await,
        invalid("worker")
    );
    assert_eq!(
        lease(&client, |r| r.worker = "\u{7}".to_owned()).await,
        invalid("worker")
    );
    assert_eq!(
        lease(&client, |r| r.search = "demo".to_owned()).await,
        invalid("search")
    );
    let other = lease(&client, |r| r.search = "searches/other".to_owned()).await;
    assert_eq!(other.0, Code::NotFound);
    for seconds in [-1, 61] {
        let wait = prost_types::Duration { seconds, nanos: 0 };
        assert_eq!(
            lease(&client, |r| r.wait = Some(wait)).await,
            invalid("wait")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_report_names_its_field() {
    let running = start().await;
    let client = &running.client;
    let held = assignment(client, "worker").await;
    let succeeded = v1::CandidateState::Succeeded;
    let report = |state, measured, epochs| {
        let outcome = v1::Outcome {
            measured,
            epochs,
            ..v1::Outcome::default()
        };
        complete(client, &held, state, outcome)
    };
    assert_eq!(
        fault(report(succeeded, None, 12.0).await),
        invalid("outcome.measured")
    );
    assert_eq!(
        fault(report(succeeded, Some(f64::NAN), 12.0).await),
        invalid("outcome.measured")
    );
    assert_eq!(
        fault(report(succeeded, Some(100.1), 12.0).await),
        invalid("outcome.measured")
    );
    assert_eq!(
        fault(report(succeeded, Some(90.0), 3.0).await),
        invalid("outcome.epochs")
    );
    assert_eq!(
        fault(report(succeeded, Some(90.0), -1.0).await),
        invalid("outcome.epochs")
    );
    let leased = v1::CandidateState::Leased;
    assert_eq!(
        fault(report(leased, Some(90.0), 12.0).await),
        invalid("state")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_proved_by_its_candidate_and_token() {
    let running = start().await;
    let client = &running.client;
    let held = assignment(client, "worker").await;
    let renew = |candidate: &str, token: &str| {
        let request = v1::RenewLeaseRequest {
            candidate: candidate.to_owned(),
            lease_token: token.to_owned(),
        };
        async move { fault(client.renew_lease(request).await) }
    };
    let own = held.candidate.to_string();
    assert_eq!(renew("", "token").await, invalid("candidate"));
    assert_eq!(renew("c0001", "token").await, invalid("candidate"));
    assert_eq!(renew(&own, "").await, invalid("lease_token"));
    assert_eq!(renew(&own, "token").await.0, Code::FailedPrecondition);
    for unknown in [
        "searches/demo/candidates/c0099",
        "searches/demo/candidates/best",
    ] {
        assert_eq!(renew(unknown, "token").await.0, Code::NotFound);
    }
    let stranger = Assignment {
        lease: peng_proto::search::Lease {
            token: "0123456789abcdef".to_owned(),
            ..held.lease.clone()
        },
        ..held.clone()
    };
    let failed = v1::CandidateState::Failed;
    let answer = complete(client, &stranger, failed, v1::Outcome::default()).await;
    assert_eq!(answer.unwrap_err().reason().as_deref(), Some("LEASE_LOST"));
    assert_eq!(held.lease.duration, Duration::from_secs(30));
}

#[tokio::test(flavor = "multi_thread")]
async fn candidates_come_in_pages() {
    let running = start().await;
    let client = &running.client;
    assignment(client, "worker").await;
    let page = |page_size, page_token: &str| {
        let request = v1::ListCandidatesRequest {
            parent: "searches/demo".to_owned(),
            page_size,
            page_token: page_token.to_owned(),
        };
        client.list_candidates(request)
    };
    let first = page(3, "").await.unwrap();
    assert_eq!(first.candidates.len(), 3);
    let leased = &first.candidates[0];
    assert_eq!(leased.state(), v1::CandidateState::Leased);
    assert_eq!((leased.attempt, leased.worker.as_str()), (1, "worker"));
    assert_eq!(leased.trial, "experiments/demo/trials/c0001-1");
    assert_eq!(
        (
            first.candidates[1].attempt,
            first.candidates[1].trial.as_str()
        ),
        (0, "")
    );
    let last = page(3, &first.next_page_token).await.unwrap();
    assert_eq!(last.candidates[0].name, "searches/demo/candidates/c0004");
    assert_eq!(last.next_page_token, "");
    assert_eq!(client.candidates("searches/demo").await.unwrap().len(), 4);

    assert_eq!(fault(page(-1, "").await), invalid("page_size"));
    assert_eq!(fault(page(0, "next").await), invalid("page_token"));
}
