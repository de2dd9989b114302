//! Several servers on one PostgreSQL answer as one server does.

use peng_proto::v1::{self, stream_observations_response::Result as Answer};
use peng4nn_tests::postgres;
use tonic::Code;

use crate::harness::{
    InProcess, Predictions, another_trial, complete, full, judged_by, observe, report, rising,
    trial,
};

/// Two servers on one database.
async fn pair() -> Option<([InProcess; 2], [Predictions; 2])> {
    let url = postgres::database().await?;
    let servers = [
        InProcess::on_postgres(&url).await,
        InProcess::on_postgres(&url).await,
    ];
    let clients = [servers[0].client().await, servers[1].client().await];
    Some((servers, clients))
}

/// The trial was trained to the end, unless it was stopped.
async fn complete_running(client: &mut Predictions, name: &str) {
    if full(client, name).await.state() == v1::TrialState::Running {
        complete(client, name, v1::TrialState::Succeeded).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_take_turns_answer_as_one_server() {
    let policies = [
        v1::policy::Policy::Peng4nn(v1::Peng4nnPolicy::default()),
        v1::policy::Policy::Median(v1::MedianPolicy::default()),
        v1::policy::Policy::Asha(v1::AshaPolicy::default()),
    ];
    for policy in policies {
        let Some((servers, mut replicas)) = pair().await else {
            return;
        };
        let alone = InProcess::start().await;
        let mut single = alone.client().await;
        judged_by(&mut replicas[0], "e", policy.clone()).await;
        judged_by(&mut single, "e", policy.clone()).await;
        let (mut names, mut stops) = (Vec::new(), 0);
        // Those of the second wave are compared with those of the first.
        for wave in [0..6_usize, 6..12] {
            for index in wave.clone() {
                let id = format!("t{index}");
                names.push(another_trial(&mut replicas[index % 2], "e", &id).await);
                another_trial(&mut single, "e", &id).await;
            }
            for epoch in 1..=9_u32 {
                for index in wave.clone() {
                    let (name, value) =
                        (&names[index], rising(50.0 + (index * 7 % 12) as f64, epoch));
                    let client = &mut replicas[(index + epoch as usize / 2) % 2];
                    let one = observe(client, name, f64::from(epoch), value)
                        .await
                        .unwrap();
                    let two = observe(&mut single, name, f64::from(epoch), value)
                        .await
                        .unwrap();
                    assert_eq!(one, two, "{policy:?}, {name}, epoch {epoch}");
                    stops += u32::from(one.must_stop);
                }
            }
            for index in wave {
                for client in [&mut replicas[index % 2], &mut single] {
                    complete_running(client, &names[index]).await;
                }
            }
        }
        assert!(stops > 0, "{policy:?} stopped nothing");
        for name in &names {
            let expected = full(&mut single, name).await;
            for replica in &mut replicas {
                let stored = full(replica, name).await;
                assert_eq!(stored.observations, expected.observations);
                assert_eq!(stored.state, expected.state);
            }
        }
        alone.stop().await;
        for server in servers {
            server.stop().await;
        }
    }
}

/// Sends all at once and collects the decisions.
async fn pipeline(
    client: &mut Predictions,
    trial: &str,
    epochs: std::ops::Range<u32>,
) -> Vec<v1::Decision> {
    let requests: Vec<_> = epochs
        .map(|epoch| {
            let request = report(trial, f64::from(epoch), rising(75.0, epoch));
            v1::StreamObservationsRequest {
                trial: request.trial,
                observation: request.observation,
            }
        })
        .collect();
    let stream = client
        .stream_observations(tokio_stream::iter(requests))
        .await;
    let (mut answers, mut decisions) = (stream.unwrap().into_inner(), Vec::new());
    while let Some(answer) = answers.message().await.unwrap() {
        match answer.result.unwrap() {
            Answer::Decision(decision) => decisions.push(decision),
            Answer::Fault(fault) => panic!("{fault:?}"),
        }
    }
    decisions
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelined_decisions_on_an_old_log_are_made_anew_in_order() {
    let Some((servers, mut replicas)) = pair().await else {
        return;
    };
    let alone = InProcess::start().await;
    let mut single = alone.client().await;
    for round in 0..12_u32 {
        let id = format!("t{round}");
        trial(&mut replicas[0], "e", 60.0).await;
        trial(&mut single, "e", 60.0).await;
        let name = another_trial(&mut replicas[0], "e", &id).await;
        another_trial(&mut single, "e", &id).await;
        let (mut one, mut two) = (Vec::new(), Vec::new());
        for turn in 0..6_u32 {
            let epochs = 1 + 8 * turn..9 + 8 * turn;
            let replica = &mut replicas[turn as usize % 2];
            one.extend(pipeline(replica, &name, epochs.clone()).await);
            two.extend(pipeline(&mut single, &name, epochs).await);
        }
        assert_eq!(one, two);
    }
    alone.stop().await;
    for server in servers {
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_knows_what_ended_a_trial_elsewhere() {
    let Some((servers, mut replicas)) = pair().await else {
        return;
    };
    let name = trial(&mut replicas[0], "e", 40.0).await;
    observe(&mut replicas[1], &name, 1.0, rising(75.0, 1))
        .await
        .unwrap();
    let mut stopped = false;
    for epoch in 2..=30 {
        let decided = observe(
            &mut replicas[0],
            &name,
            f64::from(epoch),
            rising(75.0, epoch),
        )
        .await;
        stopped |= decided.unwrap().must_stop;
    }
    assert!(stopped);
    // To this one the trial has one observation and runs.
    complete(&mut replicas[1], &name, v1::TrialState::Stopped).await;
    let stored = full(&mut replicas[1], &name).await;
    assert_eq!(stored.state(), v1::TrialState::Stopped);
    assert_eq!(stored.observation_count, 30);
    for server in servers {
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_hears_of_what_another_replica_writes() {
    let Some((servers, mut replicas)) = pair().await else {
        return;
    };
    let name = trial(&mut replicas[0], "e", 40.0).await;
    let request = v1::WatchExperimentRequest {
        name: "experiments/e".to_owned(),
        resume_token: String::new(),
    };
    let mut events = replicas[1]
        .watch_experiment(request)
        .await
        .unwrap()
        .into_inner();
    events.message().await.unwrap().unwrap();
    for epoch in 1..=5_u32 {
        observe(&mut replicas[0], &name, f64::from(epoch), 10.0)
            .await
            .unwrap();
        let event = events.message().await.unwrap().unwrap();
        let Some(v1::watch_experiment_response::Event::Observed(observed)) = event.event else {
            panic!("{event:?}");
        };
        assert_eq!(observed.observation.unwrap().epoch, f64::from(epoch));
    }
    for server in servers {
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_replica_deletes_is_gone_for_the_other() {
    let Some((servers, mut replicas)) = pair().await else {
        return;
    };
    let name = trial(&mut replicas[0], "e", 20.0).await;
    observe(&mut replicas[1], &name, 1.0, 10.0).await.unwrap();
    let watch = v1::WatchExperimentRequest {
        name: "experiments/e".to_owned(),
        resume_token: String::new(),
    };
    let mut events = replicas[1]
        .watch_experiment(watch)
        .await
        .unwrap()
        .into_inner();
    for _ in 0..2 {
        events.message().await.unwrap().unwrap();
    }
    let delete = v1::DeleteExperimentRequest {
        name: "experiments/e".to_owned(),
        force: true,
        allow_missing: false,
    };
    replicas[0].delete_experiment(delete).await.unwrap();
    let status = events.message().await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound, "{status}");
    for replica in &mut replicas {
        let status = observe(replica, &name, 2.0, 20.0).await.unwrap_err();
        assert_eq!(status.code(), Code::NotFound, "{status}");
    }
    // Another of that name, made by the one that has deleted nothing.
    trial(&mut replicas[1], "e", 20.0).await;
    for (epoch, replica) in (1..).zip(&mut replicas) {
        observe(replica, &name, f64::from(epoch), 30.0)
            .await
            .unwrap();
    }
    assert_eq!(full(&mut replicas[0], &name).await.observation_count, 2);
    for server in servers {
        server.stop().await;
    }
}
