//! Whatever is sent, the answer says what is wrong, and the server lives.

use peng_proto::{error::reason_of, v1};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::harness::{InProcess, Predictions, full, observe, report, trial};

fn field(status: &Status) -> String {
    let violations = status.get_details_bad_request().unwrap().field_violations;
    violations[0].field.clone()
}

async fn refused(client: &mut Predictions, trial: &str, epoch: f64, value: f64) -> Status {
    observe(client, trial, epoch, value).await.unwrap_err()
}

#[tokio::test]
async fn an_observation_that_cannot_be_is_refused_and_its_field_named() {
    let server = InProcess::start().await;
    let mut client = server.client().await;
    let name = trial(&mut client, "e", 20.0).await;
    for value in [-0.001, 100.001, 1e300] {
        let status = refused(&mut client, &name, 1.0, value).await;
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(field(&status), "observation.value");
        assert!(
            status.message().contains("[0, 100]"),
            "{}",
            status.message()
        );
    }
    for epoch in [0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let status = refused(&mut client, &name, epoch, 50.0).await;
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(field(&status), "observation.epoch");
    }
    let nothing = v1::ReportObservationRequest {
        trial: name.clone(),
        observation: None,
    };
    let status = client.report_observation(nothing).await.unwrap_err();
    assert_eq!(field(&status), "observation");
    assert_eq!(full(&mut client, &name).await.observation_count, 0);
    server.stop().await;
}

#[tokio::test]
async fn a_diverged_training_is_stored_and_stopped() {
    let server = InProcess::start().await;
    let mut client = server.client().await;
    trial(&mut client, "e", 20.0).await;
    for (id, value) in [
        ("nan", f64::NAN),
        ("inf", f64::INFINITY),
        ("ninf", f64::NEG_INFINITY),
    ] {
        let name = crate::harness::another_trial(&mut client, "e", id).await;
        observe(&mut client, &name, 1.0, 50.0).await.unwrap();
        let decision = observe(&mut client, &name, 2.0, value).await.unwrap();
        assert_eq!(decision.verdict(), v1::Verdict::Stop);
        assert_eq!(decision.reason(), v1::Reason::Diverged);
        assert!(decision.must_stop);
        let again = observe(&mut client, &name, 2.0, value).await.unwrap();
        assert_eq!(again, decision);
        let stored = full(&mut client, &name).await;
        assert_eq!(stored.state(), v1::TrialState::Stopped);
        let last = stored.observations[1].observation.unwrap().value;
        assert!(last == value || (last.is_nan() && value.is_nan()));
    }
    server.stop().await;
}

#[tokio::test]
async fn a_name_that_names_nothing_is_told_apart_from_one_that_is_none() {
    let server = InProcess::start().await;
    let mut client = server.client().await;
    trial(&mut client, "e", 20.0).await;
    for unknown in ["experiments/e/trials/t2", "experiments/other/trials/t1"] {
        let status = refused(&mut client, unknown, 1.0, 50.0).await;
        assert_eq!(status.code(), Code::NotFound, "{unknown}");
    }
    for wrong in [
        "",
        "t1",
        "experiments/e",
        "experiments/E/trials/t1",
        "experiments/e/trials/../x",
    ] {
        let status = refused(&mut client, wrong, 1.0, 50.0).await;
        assert_eq!(status.code(), Code::InvalidArgument, "{wrong}");
        assert_eq!(field(&status), "trial");
    }
    server.stop().await;
}

#[tokio::test]
async fn creation_names_every_field_at_fault() {
    let server = InProcess::start().await;
    let mut client = server.client().await;
    let create = |id: &str, target: f64| v1::CreateExperimentRequest {
        experiment_id: id.to_owned(),
        experiment: Some(v1::Experiment {
            target_epoch: target,
            ..v1::Experiment::default()
        }),
    };
    let cases = [
        (create("", 20.0), "experiment_id"),
        (create("No_Id", 20.0), "experiment_id"),
        (create("e", 0.0), "experiment.target_epoch"),
        (create("e", f64::NAN), "experiment.target_epoch"),
        (
            v1::CreateExperimentRequest {
                experiment_id: "e".to_owned(),
                experiment: None,
            },
            "experiment",
        ),
    ];
    for (request, expected) in cases {
        let status = client.create_experiment(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(field(&status), expected);
    }
    let no_id = v1::CreateTrialRequest {
        parent: "experiments/e".to_owned(),
        ..v1::CreateTrialRequest::default()
    };
    let status = client.create_trial(no_id).await.unwrap_err();
    assert_eq!(field(&status), "trial_id");
    server.stop().await;
}

#[tokio::test]
async fn a_page_of_fewer_than_none_is_refused() {
    let server = InProcess::start().await;
    let mut client = server.client().await;
    trial(&mut client, "e", 20.0).await;
    for page_size in [-1, i32::MIN] {
        let experiments = v1::ListExperimentsRequest {
            page_size,
            ..v1::ListExperimentsRequest::default()
        };
        let trials = v1::ListTrialsRequest {
            parent: "experiments/e".to_owned(),
            page_size,
            ..v1::ListTrialsRequest::default()
        };
        let answers = [
            client.list_experiments(experiments).await.map(drop),
            client.list_trials(trials).await.map(drop),
        ];
        for status in answers.map(Result::unwrap_err) {
            assert_eq!(status.code(), Code::InvalidArgument);
            assert_eq!(reason_of(&status).as_deref(), Some("INVALID_FIELD"));
            assert_eq!(field(&status), "page_size");
            let right = format!("{page_size} is negative; 0 to 1000 would be right");
            assert!(status.message().contains(&right), "{}", status.message());
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn a_message_of_ten_megabytes_is_too_large() {
    let server = InProcess::start().await;
    let mut client = server.client().await;
    let name = trial(&mut client, "e", 20.0).await;
    let huge = v1::CompleteTrialRequest {
        name: name.clone(),
        state: v1::TrialState::Failed.into(),
        message: "x".repeat(10 << 20),
    };
    let status = client.complete_trial(huge).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    let long = v1::CompleteTrialRequest {
        name: name.clone(),
        state: v1::TrialState::Failed.into(),
        message: "x".repeat(1 << 20),
    };
    let status = client.complete_trial(long).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(field(&status), "message");
    observe(&mut client, &name, 1.0, 50.0).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn a_curve_of_a_hundred_thousand_points_is_too_long() {
    let server = InProcess::start().await;
    let mut client = server.client().await;
    let curve = |points: u32| v1::PredictFitnessRequest {
        observations: (1..=points)
            .map(|epoch| v1::Observation {
                epoch: f64::from(epoch),
                value: 50.0,
            })
            .collect(),
        target_epoch: 1e6,
        ..v1::PredictFitnessRequest::default()
    };
    for points in [0, 100_000] {
        let status = client.predict_fitness(curve(points)).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(field(&status), "observations");
    }
    let answer = client
        .predict_fitness(curve(10))
        .await
        .unwrap()
        .into_inner();
    assert!((answer.decision.unwrap().prediction.unwrap().fitness - 50.0).abs() < 1e-6);
    server.stop().await;
}

#[tokio::test]
async fn a_stream_outlives_a_refused_observation() {
    let server = InProcess::start().await;
    let mut client = server.client().await;
    let name = trial(&mut client, "e", 20.0).await;
    let message = |trial: &str, epoch: f64| v1::StreamObservationsRequest {
        trial: trial.to_owned(),
        observation: report("", epoch, 50.0).observation,
    };
    let sent = [message(&name, 1.0), message("", -2.0), message("", 2.0)];
    let stream = client.stream_observations(tokio_stream::iter(sent)).await;
    let mut answers = stream.unwrap().into_inner();
    let mut got = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        assert_eq!(answer.trial, name);
        got.push(match answer.result.unwrap() {
            v1::stream_observations_response::Result::Decision(_) => String::new(),
            v1::stream_observations_response::Result::Fault(fault) => {
                assert_eq!(fault.code, Code::InvalidArgument as i32);
                fault.field
            }
        });
    }
    assert_eq!(got, ["", "observation.epoch", ""]);
    server.stop().await;
}
