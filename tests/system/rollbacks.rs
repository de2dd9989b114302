//! A trial that is rolled back is one that never had what was taken back, for every server and
//! after every end of one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use peng_proto::v1::{self, policy::Policy};
use peng4nn_tests::postgres;
use tokio::time::sleep;

use crate::{
    harness::{
        InProcess, Predictions, Process, another_trial, complete, full, judged_by, observe,
        predictions, rising, trial,
    },
    kills::random,
};

async fn back(
    client: &mut Predictions,
    name: &str,
    epoch: f64,
) -> Result<v1::Trial, tonic::Status> {
    let request = v1::RollBackTrialRequest {
        name: name.to_owned(),
        epoch,
    };
    let answer = client.roll_back_trial(request).await?;
    Ok(answer.into_inner().trial.unwrap())
}

fn comparing() -> [Policy; 3] {
    [
        Policy::Median(v1::MedianPolicy::default()),
        Policy::Asha(v1::AshaPolicy::default()),
        Policy::Adaptive(v1::AdaptivePolicy {
            risk: Some(1.0),
            explore: Some(0.2),
            startup_trials: Some(3),
            ..v1::AdaptivePolicy::default()
        }),
    ]
}

/// Two servers that are to decide alike, bit by bit.
struct Twins {
    one: Predictions,
    two: Predictions,
}

impl Twins {
    async fn create(&mut self, id: &str) -> String {
        another_trial(&mut self.two, "e", id).await;
        another_trial(&mut self.one, "e", id).await
    }

    /// Trains on both up to the epoch; whether it was stopped.
    async fn train(&mut self, name: &str, ceiling: f64, epochs: std::ops::Range<u32>) -> bool {
        for epoch in epochs {
            let value = rising(ceiling, epoch);
            let one = observe(&mut self.one, name, f64::from(epoch), value).await;
            let two = observe(&mut self.two, name, f64::from(epoch), value).await;
            let (one, two) = (one.unwrap(), two.unwrap());
            assert_eq!(one, two, "{name}, epoch {epoch}");
            if one.must_stop {
                return true;
            }
        }
        false
    }

    async fn finish(&mut self, id: &str, ceiling: f64) -> bool {
        let name = self.create(id).await;
        let stopped = self.train(&name, ceiling, 1..10).await;
        if !stopped {
            for client in [&mut self.one, &mut self.two] {
                complete(client, &name, v1::TrialState::Succeeded).await;
            }
        }
        stopped
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_back_has_taught_nothing_before_or_after_a_restart() {
    for policy in comparing() {
        let folder = tempfile::tempdir().unwrap();
        let mut interrupted = InProcess::in_folder(folder.path()).await;
        let steady = InProcess::start().await;
        let (one, two) = (interrupted.client().await, steady.client().await);
        let mut twins = Twins { one, two };
        judged_by(&mut twins.one, "e", policy.clone()).await;
        judged_by(&mut twins.two, "e", policy.clone()).await;
        for number in 0..6_u32 {
            let ceiling = 50.0 + f64::from(number * 7 % 12);
            twins.finish(&format!("t{number}"), ceiling).await;
        }
        // Only one of them sees how this goes on, and takes it back.
        let name = twins.create("back").await;
        twins.train(&name, 90.0, 1..3).await;
        for epoch in 3..=9_u32 {
            observe(&mut twins.one, &name, f64::from(epoch), 99.0)
                .await
                .unwrap();
        }
        back(&mut twins.one, &name, 2.0).await.unwrap();
        let mut stops = 0;
        for number in 6..12_u32 {
            let ceiling = 50.0 + f64::from(number * 7 % 12);
            stops += u32::from(twins.finish(&format!("t{number}"), ceiling).await);
            if number % 2 == 0 {
                interrupted.stop().await;
                interrupted = InProcess::in_folder(folder.path()).await;
                twins.one = interrupted.client().await;
            }
        }
        twins.train(&name, 55.0, 3..10).await;
        assert!(stops > 0, "{policy:?} stopped nothing");
        interrupted.stop().await;
        steady.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_with_the_trial_in_memory_goes_on_from_where_another_rolled_it_back_to() {
    let policies = comparing();
    let published = Policy::Peng4nn(v1::Peng4nnPolicy::default());
    for policy in policies.into_iter().chain([published]) {
        let Some(url) = postgres::database().await else {
            return;
        };
        let servers = [
            InProcess::on_postgres(&url).await,
            InProcess::on_postgres(&url).await,
        ];
        let alone = InProcess::start().await;
        let mut other = servers[1].client().await;
        let (one, two) = (servers[0].client().await, alone.client().await);
        let mut twins = Twins { one, two };
        judged_by(&mut twins.one, "e", policy.clone()).await;
        judged_by(&mut twins.two, "e", policy.clone()).await;
        for number in 0..4_u32 {
            let ceiling = 50.0 + f64::from(number * 7 % 12);
            twins.finish(&format!("t{number}"), ceiling).await;
        }
        let name = twins.create("back").await;
        twins.train(&name, 80.0, 1..3).await;
        for epoch in 3..=9_u32 {
            let value = rising(80.0, epoch);
            observe(&mut twins.one, &name, f64::from(epoch), value)
                .await
                .unwrap();
        }
        back(&mut other, &name, 2.0).await.unwrap();
        // The same epochs with other values.
        twins.train(&name, 55.0, 3..10).await;
        let expected = full(&mut twins.two, &name).await;
        for client in [&mut twins.one, &mut other] {
            let stored = full(client, &name).await;
            assert_eq!(stored.observations, expected.observations);
            assert_eq!(stored.state, expected.state);
        }
        alone.stop().await;
        for server in servers {
            server.stop().await;
        }
    }
}

/// Epochs that stay, and the last that is reported again after each rollback.
const STAY: usize = 3;
const LAST: usize = 8;

/// The epochs and values of the trial after so many calls: reports up to the last epoch, then
/// back to the first that stay, and so on with other values.
fn after(calls: usize) -> Vec<(f64, f64)> {
    let (mut trial, mut turn) = (Vec::new(), 0.0);
    for _ in 0..calls {
        if trial.len() == LAST {
            trial.truncate(STAY);
            turn += 1.0;
        } else {
            let epoch = trial.len() as f64 + 1.0;
            trial.push((epoch, 50.0 + 20.0 * (epoch * 1.7 + turn).sin()));
        }
    }
    trial
}

/// Goes on with the calls until the server is gone; counts what is acknowledged.
async fn go_on(mut client: Predictions, name: String, done: Arc<AtomicUsize>) {
    loop {
        let calls = done.load(Ordering::Acquire);
        let (before, next) = (after(calls), after(calls + 1));
        let answer = if next.len() < before.len() {
            back(&mut client, &name, STAY as f64).await.map(drop)
        } else {
            let (epoch, value) = next[before.len()];
            observe(&mut client, &name, epoch, value).await.map(drop)
        };
        if answer.is_err() {
            return;
        }
        done.store(calls + 1, Ordering::Release);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_has_rolled_back_in_full_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let done = Arc::new(AtomicUsize::new(0));
    for kill in 0..6 {
        let mut server = Process::start(
            "peng4nn",
            &["serve", "--listen", "127.0.0.1:0", "--data", data],
        );
        let line = server.wait_for("listening");
        let port = line.rsplit(':').next().unwrap().trim();
        let mut client = predictions(&format!("http://127.0.0.1:{port}")).await;
        let name = trial(&mut client, "e", 1e6).await;
        let stored: Vec<_> = full(&mut client, &name)
            .await
            .observations
            .iter()
            .map(|entry| entry.observation.unwrap())
            .map(|observation| (observation.epoch, observation.value))
            .collect();
        // The call that was under way is done or not.
        let calls = done.load(Ordering::Acquire);
        if stored == after(calls + 1) {
            done.store(calls + 1, Ordering::Release);
        } else {
            assert_eq!(stored, after(calls), "kill {kill}, after {calls} calls");
        }
        let going_on = tokio::spawn(go_on(client, name, done.clone()));
        while done.load(Ordering::Acquire) < calls + 2 * LAST {
            assert!(!going_on.is_finished(), "a call failed");
            sleep(Duration::from_millis(5)).await;
        }
        sleep(Duration::from_millis(random(100))).await;
        server.kill();
        going_on.await.unwrap();
    }
}
