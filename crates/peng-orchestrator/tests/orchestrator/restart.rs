//! The orchestrator killed, or its store failing, in mid-search.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use peng_client::{Client, Options};
use peng_orchestrator::Orchestrator;
use peng_proto::{
    search::Assignment,
    v1::{self, lease_candidate_response::Work},
};
use peng_search::{
    Candidate,
    candidate::{Outcome, State},
};
use peng_store::{Error, SearchChange, SearchKey, SearchRecord, Searches, Sqlite};

use crate::harness::{Running, assignment, config, evaluate, finish, lease, reopen, search, train};

/// What a search has found, and of which candidates.
fn results(candidates: &[Candidate]) -> Vec<(String, u64, Option<Outcome>)> {
    let results = candidates.iter().map(|candidate| {
        (
            candidate.genome.to_string(),
            candidate.seed,
            candidate.outcome().cloned(),
        )
    });
    results.collect()
}

/// It had ended in the middle of a generation.
#[tokio::test(flavor = "multi_thread")]
async fn a_search_with_more_candidates_than_before_ends_as_if_it_always_had_them() {
    let folder = tempfile::tempdir().unwrap();
    let of = |candidates| {
        let mut config = config();
        config.settings.candidates = candidates;
        config
    };
    let running = Running::start(of(6), reopen(folder.path()).await).await;
    finish(&running).await;
    running.kill();
    let running = Running::start(of(11), reopen(folder.path()).await).await;
    finish(&running).await;
    let raised = running.orchestrator.snapshot().await.unwrap();
    let client = running.client.clone();
    running.kill();
    let undisturbed = search(of(11)).await.orchestrator.snapshot().await;
    let undisturbed = undisturbed.unwrap();
    assert_eq!(
        results(&raised.candidates),
        results(&undisturbed.candidates)
    );
    assert_eq!(raised.summary.front, undisturbed.summary.front);
    // Nor does it go on with fewer than are proposed.
    let store = reopen(folder.path()).await;
    let fewer = Orchestrator::open(of(8), store, client).await;
    let fewer = fewer.unwrap_err().to_string();
    assert!(fewer.contains("give 11 or more"), "{fewer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_search_ends_as_an_undisturbed_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config();
    config.settings.lease = Duration::from_secs(2);

    let running = Running::start(config.clone(), reopen(folder.path()).await).await;
    evaluate(&running.client, &assignment(&running.client, "first").await).await;
    let survivor = assignment(&running.client, "survivor").await;
    train(&running.client, &survivor, 2).await;
    let dead = assignment(&running.client, "dead").await;
    train(&running.client, &dead, 2).await;
    running.kill();

    let running = Running::start(config.clone(), reopen(folder.path()).await).await;
    // A worker that outlived the orchestrator goes on with its candidate under its lease.
    evaluate(&running.client, &survivor).await;
    finish(&running).await;
    let resumed = running.orchestrator.snapshot().await.unwrap();
    running.orchestrator.drain().await;
    let lost = running.trial("c0003-1").await;
    assert_eq!(lost.state(), v1::TrialState::Preempted);
    running.kill();

    let undisturbed = search(config.clone())
        .await
        .orchestrator
        .snapshot()
        .await
        .unwrap();
    assert_eq!(
        results(&resumed.candidates),
        results(&undisturbed.candidates)
    );
    assert_eq!(resumed.summary.front, undisturbed.summary.front);
    assert_eq!(
        (resumed.candidates[1].attempt, resumed.candidates[2].attempt),
        (1, 2)
    );

    // Started once more, there is nothing left to do.
    let running = Running::start(config, reopen(folder.path()).await).await;
    running.orchestrator.finished().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lent_or_lost_before_the_search_is_started() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config();
    config.settings.lease = Duration::from_secs(1);
    let running = Running::start(config.clone(), reopen(folder.path()).await).await;
    let early = assignment(&running.client, "early").await;
    let late = assignment(&running.client, "late").await;
    running.kill();
    // Both leases run out while nobody is there.
    tokio::time::sleep(Duration::from_millis(1_200)).await;

    let store = reopen(folder.path()).await;
    let running = Running::opened(config, store.clone(), store).await;
    let renewal = |assignment: &Assignment| v1::RenewLeaseRequest {
        candidate: assignment.candidate.to_string(),
        lease_token: assignment.lease.token.clone(),
    };
    running.client.renew_lease(renewal(&early)).await.unwrap();
    let work = lease(&running.client, "greedy", 0).await;
    assert!(matches!(work, Work::Idle(_)), "{work:?}");
    running.orchestrator.start().await.unwrap();
    running.client.renew_lease(renewal(&late)).await.unwrap();
    let next = assignment(&running.client, "greedy").await;
    assert_eq!(next.candidate.id.as_str(), "c0003");
}

/// Its deadline is then one that comes in a year.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_of_a_clock_that_was_wrong_runs_out_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config();
    config.settings.lease = Duration::from_secs(1);
    let running = Running::start(config.clone(), reopen(folder.path()).await).await;
    assignment(&running.client, "dead").await;
    let mut lent = running.candidate(1).await;
    running.kill();

    let store = reopen(folder.path()).await;
    let State::Leased(lease) = &mut lent.state else {
        panic!("{lent:?}")
    };
    lease.deadline += Duration::from_hours(365 * 24);
    let id = config.search.0.as_str();
    let settings = store.open_search(id, "", SystemTime::now()).await.unwrap();
    let change = SearchChange {
        candidates: &[lent],
        ..SearchChange::default()
    };
    store.put_search(settings.key, change).await.unwrap();
    let running = Running::start(config, store).await;
    finish(&running).await;
    assert_eq!(running.candidate(1).await.attempt, 2);
}

#[tokio::test]
async fn other_settings_are_refused_by_name() {
    let store = Arc::new(Sqlite::in_memory().await.unwrap());
    let client = Client::connect_lazy("http://127.0.0.1:1", Options::default()).unwrap();
    let open = |change: fn(&mut peng_orchestrator::Config)| {
        let mut config = config();
        change(&mut config);
        Orchestrator::open(config, store.clone(), client.clone())
    };
    open(|_| {}).await.unwrap();
    open(|config| config.settings.lease = Duration::from_secs(1))
        .await
        .unwrap();
    let refused = [
        (
            "training.epochs is 20",
            open(|config| config.training.epochs = 20).await,
        ),
        (
            "search.seed is 8",
            open(|config| config.settings.seed = 8).await,
        ),
        (
            "mode is ",
            open(|config| config.mode = peng_predict::Mode::Advise).await,
        ),
        (
            "training.momentum: ",
            open(|config| config.training.momentum = 1.5).await,
        ),
        (
            "attempts is 0",
            open(|config| config.settings.attempts = 0).await,
        ),
    ];
    for (message, opened) in refused {
        let error = opened.unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_search_does_not_take_the_trials_of_another() {
    let store = Arc::new(Sqlite::in_memory().await.unwrap());
    let running = Running::start(config(), store).await;
    assignment(&running.client, "worker").await;
    let other = Arc::new(Sqlite::in_memory().await.unwrap());
    let orchestrator = Orchestrator::open(config(), other, running.client.clone())
        .await
        .unwrap();
    let error = orchestrator.start().await.unwrap_err();
    assert!(error.to_string().starts_with("experiments/demo"), "{error}");
}

/// A store that fails when it is told to.
#[derive(Debug)]
struct Flaky {
    store: Arc<Sqlite>,
    fails: AtomicBool,
}

#[async_trait::async_trait]
impl Searches for Flaky {
    async fn open_search(
        &self,
        id: &str,
        settings: &str,
        at: SystemTime,
    ) -> Result<SearchRecord, Error> {
        self.store.open_search(id, settings, at).await
    }

    async fn put_search(&self, search: SearchKey, change: SearchChange<'_>) -> Result<(), Error> {
        if self.fails.load(Ordering::SeqCst) {
            let source = std::io::Error::other("the disk is full");
            let path = "data".into();
            return Err(Error::Folder { path, source });
        }
        self.store.put_search(search, change).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_stored_has_not_happened() {
    let store = Arc::new(Sqlite::in_memory().await.unwrap());
    let flaky = Arc::new(Flaky {
        store: store.clone(),
        fails: AtomicBool::new(false),
    });
    let running = Running::with_searches(config(), store, flaky.clone()).await;
    flaky.fails.store(true, Ordering::SeqCst);
    let impatient = running.client.with_options(Options {
        patience: Duration::ZERO,
        ..Options::default()
    });
    let request = v1::LeaseCandidateRequest {
        worker: "worker".to_owned(),
        ..v1::LeaseCandidateRequest::default()
    };
    let refused = impatient.lease_candidate(request).await.unwrap_err();
    assert_eq!(refused.reason().as_deref(), Some("STORAGE_UNAVAILABLE"));
    assert_eq!(
        running
            .orchestrator
            .snapshot()
            .await
            .unwrap()
            .summary
            .progress
            .leased,
        0
    );

    flaky.fails.store(false, Ordering::SeqCst);
    let first = assignment(&running.client, "worker").await;
    assert_eq!((first.candidate.id.as_str(), first.attempt), ("c0001", 1));
}
