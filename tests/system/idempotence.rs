//! An observation's key is its trial and epoch; saying it twice changes nothing.

use peng_proto::v1::{self, stream_observations_response::Result as Answer};
use tonic::Code;

use crate::harness::{InProcess, another_trial, full, observe, report, rising, trial};

#[tokio::test]
async fn the_same_observation_again_has_the_logged_decision() {
    let server = InProcess::start().await;
    let mut client = server.client().await;
    let name = trial(&mut client, "e", 20.0).await;
    let mut first = Vec::new();
    for epoch in 1..=8 {
        first.push(
            observe(&mut client, &name, f64::from(epoch), rising(80.0, epoch))
                .await
                .unwrap(),
        );
    }
    for epoch in 1..=8 {
        let again = observe(&mut client, &name, f64::from(epoch), rising(80.0, epoch))
            .await
            .unwrap();
        assert_eq!(again, first[epoch as usize - 1]);
    }
    assert_eq!(full(&mut client, &name).await.observation_count, 8);
    let status = observe(&mut client, &name, 3.0, 12.0).await.unwrap_err();
    assert_eq!(status.code(), Code::AlreadyExists);
    assert!(
        status
            .message()
            .starts_with("observation.value: epoch 3 has"),
        "{}",
        status.message()
    );
    server.stop().await;
}

#[tokio::test]
async fn an_epoch_that_fills_a_gap_is_accepted() {
    let server = InProcess::start().await;
    let mut client = server.client().await;
    let name = trial(&mut client, "e", 20.0).await;
    for epoch in [1.0, 4.0, 2.5, 3.0] {
        observe(&mut client, &name, epoch, 10.0 * epoch)
            .await
            .unwrap();
    }
    let curve = full(&mut client, &name).await.observations;
    let epochs: Vec<_> = curve
        .iter()
        .map(|entry| entry.observation.unwrap().epoch)
        .collect();
    assert_eq!(epochs, [1.0, 2.5, 3.0, 4.0]);
    server.stop().await;
}

#[tokio::test]
async fn creation_can_be_repeated_but_not_changed() {
    let server = InProcess::start().await;
    let mut client = server.client().await;
    trial(&mut client, "e", 20.0).await;
    trial(&mut client, "e", 20.0).await;
    let other = v1::CreateExperimentRequest {
        experiment_id: "e".to_owned(),
        experiment: Some(v1::Experiment {
            target_epoch: 21.0,
            ..v1::Experiment::default()
        }),
    };
    let status = client.create_experiment(other).await.unwrap_err();
    assert_eq!(status.code(), Code::AlreadyExists);
    let listed = client.list_trials(v1::ListTrialsRequest {
        parent: "experiments/e".to_owned(),
        ..v1::ListTrialsRequest::default()
    });
    assert_eq!(listed.await.unwrap().into_inner().trials.len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn a_stop_ends_the_trial_and_is_final() {
    let server = InProcess::start().await;
    let mut client = server.client().await;
    let name = trial(&mut client, "e", 20.0).await;
    let mut stop = None;
    for epoch in 1..=12 {
        let decision = observe(&mut client, &name, f64::from(epoch), rising(80.0, epoch))
            .await
            .unwrap();
        if let Some(stop) = &stop {
            assert_eq!(&decision, stop);
        } else if decision.must_stop {
            assert_eq!(decision.reason(), v1::Reason::Converged);
            stop = Some(decision);
        }
    }
    let stop = stop.expect("a curve that settles is stopped");
    let stored = full(&mut client, &name).await;
    assert_eq!(stored.state(), v1::TrialState::Stopped);
    assert_eq!(stored.fitness_source(), v1::FitnessSource::Predicted);
    assert_eq!(
        stored.fitness,
        stop.prediction.map(|prediction| prediction.fitness)
    );
    let complete = |state: v1::TrialState| v1::CompleteTrialRequest {
        name: name.clone(),
        state: state.into(),
        message: String::new(),
    };
    client
        .complete_trial(complete(v1::TrialState::Stopped))
        .await
        .unwrap();
    let status = client
        .complete_trial(complete(v1::TrialState::Succeeded))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    server.stop().await;
}

#[tokio::test]
async fn an_ended_trial_takes_nothing_new_but_answers_what_it_had() {
    let server = InProcess::start().await;
    let mut client = server.client().await;
    let name = trial(&mut client, "e", 20.0).await;
    let decision = observe(&mut client, &name, 1.0, 10.0).await.unwrap();
    let complete = |state: v1::TrialState| v1::CompleteTrialRequest {
        name: name.clone(),
        state: state.into(),
        message: "out of memory".to_owned(),
    };
    let status = client
        .complete_trial(complete(v1::TrialState::Stopped))
        .await
        .unwrap_err();
    assert_eq!(
        status.code(),
        Code::FailedPrecondition,
        "no verdict stopped it"
    );
    client
        .complete_trial(complete(v1::TrialState::Failed))
        .await
        .unwrap();
    let status = observe(&mut client, &name, 2.0, 20.0).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(
        observe(&mut client, &name, 1.0, 10.0).await.unwrap(),
        decision
    );
    assert_eq!(full(&mut client, &name).await.message, "out of memory");
    server.stop().await;
}

#[tokio::test]
async fn pipelined_trials_are_answered_as_one_by_one() {
    let server = InProcess::start().await;
    let mut client = server.client().await;
    trial(&mut client, "e", 20.0).await;
    let (mut names, mut single) = (Vec::new(), Vec::new());
    for index in 0..4_u32 {
        names.push(another_trial(&mut client, "e", &format!("piped-{index}")).await);
        single.push(another_trial(&mut client, "e", &format!("single-{index}")).await);
    }
    let value = |index: usize, epoch: u32| rising(60.0 + 5.0 * index as f64, epoch);
    let mut sent = Vec::new();
    for epoch in 1..=6_u32 {
        for (index, name) in names.iter().enumerate() {
            let request = report(name, f64::from(epoch), value(index, epoch));
            sent.push(v1::StreamObservationsRequest {
                trial: request.trial,
                observation: request.observation,
            });
        }
    }
    let stream = client
        .stream_observations(tokio_stream::iter(sent.clone()))
        .await;
    let mut answers = stream.unwrap().into_inner();
    for request in sent {
        let answer = answers.message().await.unwrap().unwrap();
        let observation = request.observation.unwrap();
        assert_eq!(
            (&answer.trial, answer.epoch),
            (&request.trial, observation.epoch)
        );
        let index = names.iter().position(|name| *name == answer.trial).unwrap();
        let alone = observe(
            &mut client,
            &single[index],
            observation.epoch,
            observation.value,
        )
        .await
        .unwrap();
        assert_eq!(answer.result.unwrap(), Answer::Decision(alone));
    }
    assert!(answers.message().await.unwrap().is_none());
    server.stop().await;
}

#[tokio::test]
async fn observations_under_way_when_the_trial_stops_are_kept() {
    let server = InProcess::start().await;
    let mut client = server.client().await;
    trial(&mut client, "e", 40.0).await;
    for trial in 0..50_u32 {
        let name = another_trial(&mut client, "e", &format!("eager-{trial}")).await;
        let sent: Vec<_> = (1..=30)
            .map(|epoch| report(&name, f64::from(epoch), rising(70.0, epoch)))
            .map(|request| v1::StreamObservationsRequest {
                trial: request.trial,
                observation: request.observation,
            })
            .collect();
        let stream = client.stream_observations(tokio_stream::iter(sent)).await;
        let mut answers = stream.unwrap().into_inner();
        let mut stops = 0;
        while let Some(answer) = answers.message().await.unwrap() {
            match answer.result.unwrap() {
                Answer::Decision(decision) => stops += u32::from(decision.must_stop),
                Answer::Fault(fault) => panic!("{fault:?}"),
            }
        }
        let stored = full(&mut client, &name).await;
        assert_eq!(stored.observation_count, 30);
        assert_eq!(stored.state(), v1::TrialState::Stopped);
        assert_eq!(f64::from(31 - stops), stored.stop.unwrap().epoch);
    }
    server.stop().await;
}
