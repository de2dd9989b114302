//! Schedules of the learning rate that trials declare.

use std::sync::Arc;

use peng_client::{Client, Credentials, Error, v1};
use peng_server::Server;
use peng_store::Sqlite;

use crate::harness::{self, Running, config};

fn steps(epochs: &[f64]) -> v1::RateSchedule {
    v1::RateSchedule {
        shape: Some(v1::rate_schedule::Shape::Steps(v1::SteppedRate {
            epochs: epochs.to_vec(),
            factor: None,
        })),
        warm_up_epochs: 0.5,
    }
}

async fn create(
    client: &Client,
    trial: &str,
    schedule: Option<v1::RateSchedule>,
) -> Result<v1::Trial, Error> {
    let request = v1::CreateTrialRequest {
        parent: "experiments/e".to_owned(),
        trial_id: trial.to_owned(),
        trial: Some(v1::Trial {
            schedule,
            ..v1::Trial::default()
        }),
    };
    Ok(client.create_trial(request).await?.trial.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_is_part_of_the_trial_and_checked_by_field() {
    let server = Running::start(config()).await;
    let client = server.client("http", Credentials::default());
    client
        .create_experiment(harness::experiment("e"))
        .await
        .unwrap();
    let declared = create(&client, "t", Some(steps(&[5.0, 15.0])))
        .await
        .unwrap();
    let told = declared.schedule.clone().unwrap();
    let Some(v1::rate_schedule::Shape::Steps(told)) = told.shape else {
        panic!("{told:?}");
    };
    assert_eq!((told.epochs, told.factor), (vec![5.0, 15.0], Some(0.1)));
    // The same again is the same trial, another schedule another one.
    let again = create(&client, "t", Some(steps(&[5.0, 15.0])))
        .await
        .unwrap();
    assert_eq!(again, declared);
    for other in [None, Some(steps(&[5.0, 16.0]))] {
        let error = create(&client, "t", other).await.unwrap_err();
        assert_eq!(error.reason().as_deref(), Some("ID_TAKEN"), "{error}");
    }
    for (wrong, field) in [
        (v1::RateSchedule::default(), "trial.schedule.shape"),
        (steps(&[15.0, 5.0]), "trial.schedule.steps.epochs"),
    ] {
        let error = create(&client, "u", Some(wrong)).await.unwrap_err();
        assert_eq!(error.reason().as_deref(), Some("INVALID_FIELD"), "{error}");
        assert!(error.to_string().contains(field), "{error}");
    }
    assert_eq!(create(&client, "u", None).await.unwrap().schedule, None);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_trial_is_told_as_it_is_stored() {
    let store = Arc::new(Sqlite::in_memory().await.unwrap());
    let serve = || async {
        let server = Server::bind(config(), store.clone()).await.unwrap();
        Running::run(server)
    };
    let server = serve().await;
    let client = server.client("http", Credentials::default());
    let request = harness::experiment("e");
    client.create_experiment(request).await.unwrap();
    let request = v1::CreateTrialRequest {
        parent: "experiments/e".to_owned(),
        trial_id: "t".to_owned(),
        trial: Some(v1::Trial {
            display_name: "Tübingen".to_owned(),
            schedule: Some(steps(&[5.0])),
            ..v1::Trial::default()
        }),
    };
    let created = client.create_trial(request).await.unwrap().trial.unwrap();
    assert_eq!(created.display_name, "Tübingen");
    assert!(created.create_time.is_some() && created.schedule.is_some());
    server.stop().await;
    let server = serve().await;
    let client = server.client("http", Credentials::default());
    let request = v1::GetTrialRequest {
        name: created.name.clone(),
        ..v1::GetTrialRequest::default()
    };
    let stored = client.get_trial(request).await.unwrap().trial.unwrap();
    assert_eq!(stored, created);
    server.stop().await;
}
