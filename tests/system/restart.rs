//! What was acknowledged is there after any end of the server, and later verdicts
//! are what they would have been.

use peng_proto::v1;

use crate::harness::{
    InProcess, Process, another_trial, complete, full, judged_by, observe, predictions, rising,
    trial,
};

#[tokio::test]
async fn verdicts_after_a_restart_are_those_of_a_server_that_never_left() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = InProcess::in_folder(folder.path()).await;
    let mut client = server.client().await;
    let interrupted = trial(&mut client, "e", 20.0).await;
    let steady = another_trial(&mut client, "e", "steady").await;
    for epoch in 1..=10 {
        let value = rising(75.0, epoch);
        let (x, y) = (&interrupted, &steady);
        let one = observe(&mut client, x, f64::from(epoch), value)
            .await
            .unwrap();
        server.stop().await;
        server = InProcess::in_folder(folder.path()).await;
        client = server.client().await;
        let two = observe(&mut client, y, f64::from(epoch), value)
            .await
            .unwrap();
        assert_eq!(one, two, "epoch {epoch}");
    }
    let (one, two) = (
        full(&mut client, &interrupted).await,
        full(&mut client, &steady).await,
    );
    assert_eq!(one.observations, two.observations);
    assert_eq!(one.state(), v1::TrialState::Stopped);
    server.stop().await;
}

#[tokio::test]
async fn a_second_server_on_the_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = InProcess::in_folder(folder.path()).await;
    let error = peng_store::Sqlite::open(folder.path()).await.unwrap_err();
    assert!(
        error.to_string().contains("in use by another server"),
        "{error}"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_by_sigkill() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let mut acknowledged = 0;
    for round in 0..3 {
        let mut server = Process::start(
            "peng4nn",
            &["serve", "--listen", "127.0.0.1:0", "--data", data],
        );
        let line = server.wait_for("listening");
        let endpoint = format!(
            "http://127.0.0.1:{}",
            line.rsplit(':').next().unwrap().trim()
        );
        let mut client = predictions(&endpoint).await;
        let name = trial(&mut client, "e", 1e6).await;
        let stored = full(&mut client, &name).await;
        assert!(stored.observation_count >= acknowledged, "round {round}");
        acknowledged = stored.observation_count;
        for _ in 0..40 {
            let epoch = f64::from(acknowledged + 1);
            observe(&mut client, &name, epoch, 50.0 + 40.0 * (epoch * 1.7).sin())
                .await
                .unwrap();
            acknowledged += 1;
        }
        server.kill();
    }
    let server = InProcess::in_folder(folder.path()).await;
    let mut client = server.client().await;
    let stored = full(&mut client, "experiments/e/trials/t1").await;
    assert_eq!(stored.observation_count, acknowledged);
    server.stop().await;
}

#[test]
fn sigterm_is_a_clean_end() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let mut server = Process::start(
        "peng4nn",
        &["serve", "--listen", "127.0.0.1:0", "--data", data],
    );
    server.wait_for("listening");
    assert_eq!(server.signal("TERM"), Some(0));
}

#[tokio::test]
async fn trials_that_are_compared_are_judged_the_same_after_a_restart() {
    let policies = [
        v1::policy::Policy::Asha(v1::AshaPolicy::default()),
        v1::policy::Policy::Median(v1::MedianPolicy::default()),
        v1::policy::Policy::Adaptive(v1::AdaptivePolicy {
            risk: Some(1.0),
            explore: Some(0.2),
            startup_trials: Some(3),
            ..v1::AdaptivePolicy::default()
        }),
    ];
    for policy in policies {
        let folder = tempfile::tempdir().unwrap();
        let mut interrupted = InProcess::in_folder(folder.path()).await;
        let steady = InProcess::start().await;
        let (mut one, mut two) = (interrupted.client().await, steady.client().await);
        judged_by(&mut one, "compared", policy.clone()).await;
        judged_by(&mut two, "compared", policy.clone()).await;
        let mut stops = 0;
        for trial in 0..12_u32 {
            let id = format!("t{trial}");
            let name = another_trial(&mut one, "compared", &id).await;
            another_trial(&mut two, "compared", &id).await;
            let mut ended = v1::TrialState::Succeeded;
            for epoch in 1..=9_u32 {
                let value = rising(50.0 + f64::from(trial * 7 % 12), epoch);
                let left = observe(&mut one, &name, f64::from(epoch), value)
                    .await
                    .unwrap();
                let right = observe(&mut two, &name, f64::from(epoch), value)
                    .await
                    .unwrap();
                assert_eq!(left, right, "trial {trial}, epoch {epoch}");
                if left.must_stop {
                    stops += 1;
                    ended = v1::TrialState::Stopped;
                    break;
                }
            }
            for client in [&mut one, &mut two] {
                complete(client, &name, ended).await;
            }
            if trial % 3 == 2 {
                interrupted.stop().await;
                interrupted = InProcess::in_folder(folder.path()).await;
                one = interrupted.client().await;
            }
        }
        assert!(stops > 0, "{policy:?} stopped nothing");
        interrupted.stop().await;
        steady.stop().await;
    }
}
