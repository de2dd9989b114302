//! Experiments that are deleted, by a call or because they were kept for long enough.

use std::{sync::Arc, time::Duration};

use peng_client::{Client, Credentials, Error, v1};
use peng_server::{Config, Server};
use peng_store::{Sqlite, Trials};
use tonic::Code;

use crate::harness::{Running, config, experiment, visible};

const NAME: &str = "experiments/e";
const TRIAL: &str = "experiments/e/trials/t";

async fn delete(client: &Client, force: bool, allow_missing: bool) -> Result<(), Error> {
    let request = v1::DeleteExperimentRequest {
        name: NAME.to_owned(),
        force,
        allow_missing,
    };
    client.delete_experiment(request).await.map(drop)
}

async fn create(client: &Client) {
    client.create_experiment(experiment("e")).await.unwrap();
    let request = v1::CreateTrialRequest {
        parent: NAME.to_owned(),
        trial_id: "t".to_owned(),
        trial: None,
    };
    client.create_trial(request).await.unwrap();
}

#[track_caller]
fn assert_error<T: std::fmt::Debug>(result: Result<T, Error>, code: Code, reason: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.code(), Some(code), "{error}");
    assert_eq!(error.reason().as_deref(), Some(reason), "{error}");
}

/// Two servers on one store: the second learns of what the first has deleted by its own calls.
async fn two(config: impl Fn() -> Config) -> (Arc<Sqlite>, [Running; 2], [Client; 2]) {
    let store = Arc::new(Sqlite::in_memory().await.unwrap());
    let start = async || Running::run(Server::bind(config(), store.clone()).await.unwrap());
    let servers = [start().await, start().await];
    let clients = [0, 1].map(|one: usize| servers[one].client("http", Credentials::default()));
    (store, servers, clients)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_experiment_is_deleted_with_its_trials_and_can_be_made_anew() {
    let (_, servers, [client, other]) = two(config).await;
    create(&client).await;
    let mut reporter = client.reporter(TRIAL);
    let mut beside = other.reporter(TRIAL);
    reporter.report(1.0, 10.0).await.unwrap();
    beside.report(2.0, 20.0).await.unwrap();
    let mut watch = client.watch(NAME, "");
    for _ in 0..3 {
        watch.next().await.unwrap();
    }
    let refused = delete(&client, false, false).await;
    assert_error(refused, Code::FailedPrecondition, "HAS_TRIALS");
    delete(&client, true, false).await.unwrap();
    assert_error(watch.next().await, Code::NotFound, "NOT_FOUND");
    assert_error(
        delete(&client, true, false).await,
        Code::NotFound,
        "NOT_FOUND",
    );
    delete(&client, true, true).await.unwrap();
    // Streams that are open, on either server, are told so.
    for reporter in [&mut reporter, &mut beside] {
        let Err(Error::Refused { fault, .. }) = reporter.report(3.0, 30.0).await else {
            panic!("an observation of a trial that is gone was taken");
        };
        assert_eq!(fault.code, Code::NotFound as i32, "{fault:?}");
    }
    for client in [&client, &other] {
        let name = NAME.to_owned();
        let got = client
            .get_experiment(v1::GetExperimentRequest { name })
            .await;
        assert_error(got, Code::NotFound, "NOT_FOUND");
        let request = v1::ListTrialsRequest {
            parent: NAME.to_owned(),
            ..Default::default()
        };
        assert_error(
            client.list_trials(request).await,
            Code::NotFound,
            "NOT_FOUND",
        );
        assert!(visible(client).await.unwrap().is_empty());
    }
    // Another of that name has nothing of it, on either server.
    create(&other).await;
    for client in [&other, &client] {
        let request = v1::GetTrialRequest {
            name: TRIAL.to_owned(),
            ..Default::default()
        };
        let trial = client.get_trial(request).await.unwrap().trial.unwrap();
        assert_eq!(trial.observation_count, 0);
    }
    reporter.report(1.0, 50.0).await.unwrap();
    beside.report(2.0, 60.0).await.unwrap();
    for server in servers {
        server.stop().await;
    }
}

/// Of two servers that are to keep nothing for long, one deletes, and the rows go.
#[tokio::test(flavor = "multi_thread")]
async fn an_experiment_is_kept_as_long_as_it_is_to_be_kept() {
    let (store, servers, [client, _]) = two(|| Config {
        retain_for: Some(Duration::from_secs(1)),
        ..config()
    })
    .await;
    create(&client).await;
    client.reporter(TRIAL).report(1.0, 10.0).await.unwrap();
    let key = store.experiment("e").await.unwrap().unwrap().key;
    while !visible(&client).await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let events = async || store.events(key, peng_store::Seq::START, 1).await.unwrap();
    while !events().await.is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(client.reporter(TRIAL).report(2.0, 10.0).await.is_err());
    for server in servers {
        server.stop().await;
    }
}
