//! Servers to test against.

pub(crate) mod load;
mod process;

use std::{path::Path, sync::Arc};

use peng_proto::v1::{
    self, prediction_service_client::PredictionServiceClient, search_service_client,
};
use peng_server::{Config, Server};
use peng_store::{Sqlite, Store};
use tokio::{sync::oneshot, task::JoinHandle};
use tonic::transport::{Channel, Endpoint};

pub(crate) use process::Process;

/// A server in this process.
pub(crate) struct InProcess {
    pub(crate) endpoint: String,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<()>,
}

impl InProcess {
    /// On a store in memory.
    pub(crate) async fn start() -> Self {
        Self::on(Arc::new(Sqlite::in_memory().await.unwrap())).await
    }

    /// On the store in a folder.
    pub(crate) async fn in_folder(folder: &Path) -> Self {
        Self::on(Arc::new(Sqlite::open(folder).await.unwrap())).await
    }

    /// On the PostgreSQL database at an address, beside others.
    pub(crate) async fn on_postgres(url: &str) -> Self {
        Self::on(peng_store::open(&url.parse().unwrap()).await.unwrap()).await
    }

    /// On a store.
    pub(crate) async fn on(store: Arc<dyn Store>) -> Self {
        let config = Config::new("127.0.0.1:0".parse().unwrap());
        let server = Server::bind(config, store).await.unwrap();
        let endpoint = format!("http://{}", server.local_addr());
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(async move {
            server.run(async { drop(stopped.await) }).await.unwrap();
        });
        Self {
            endpoint,
            stop: Some(stop),
            running,
        }
    }

    /// Leaves as on SIGTERM.
    pub(crate) async fn stop(mut self) {
        drop(self.stop.take());
        self.running.await.unwrap();
    }

    pub(crate) async fn client(&self) -> Predictions {
        predictions(&self.endpoint).await
    }
}

/// A plain client: what any language's generated code is.
pub(crate) type Predictions = PredictionServiceClient<Channel>;

/// Connects, waiting for a server that is about to listen.
pub(crate) async fn channel(endpoint: &str) -> Channel {
    let endpoint = Endpoint::from_shared(endpoint.to_owned()).unwrap();
    for _ in 0..200 {
        if let Ok(channel) = endpoint.connect().await {
            return channel;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("nobody listens on {}", endpoint.uri());
}

pub(crate) async fn predictions(endpoint: &str) -> Predictions {
    PredictionServiceClient::new(channel(endpoint).await)
}

pub(crate) async fn searches(
    endpoint: &str,
) -> search_service_client::SearchServiceClient<Channel> {
    search_service_client::SearchServiceClient::new(channel(endpoint).await)
}

/// An experiment of nine epochs with a policy.
pub(crate) async fn judged_by(
    client: &mut Predictions,
    experiment: &str,
    policy: v1::policy::Policy,
) {
    let request = v1::CreateExperimentRequest {
        experiment_id: experiment.to_owned(),
        experiment: Some(v1::Experiment {
            target_epoch: 9.0,
            policy: Some(v1::Policy {
                policy: Some(policy),
            }),
            ..v1::Experiment::default()
        }),
    };
    client.create_experiment(request).await.unwrap();
}

/// Ends a trial.
pub(crate) async fn complete(client: &mut Predictions, name: &str, state: v1::TrialState) {
    let request = v1::CompleteTrialRequest {
        name: name.to_owned(),
        state: state.into(),
        message: String::new(),
    };
    client.complete_trial(request).await.unwrap();
}

/// An experiment in percent with the published rule, and its first trial.
pub(crate) async fn trial(client: &mut Predictions, experiment: &str, target: f64) -> String {
    let request = v1::CreateExperimentRequest {
        experiment_id: experiment.to_owned(),
        experiment: Some(v1::Experiment {
            target_epoch: target,
            ..v1::Experiment::default()
        }),
    };
    client.create_experiment(request).await.unwrap();
    another_trial(client, experiment, "t1").await
}

pub(crate) async fn another_trial(
    client: &mut Predictions,
    experiment: &str,
    trial: &str,
) -> String {
    let request = v1::CreateTrialRequest {
        parent: format!("experiments/{experiment}"),
        trial_id: trial.to_owned(),
        trial: None,
    };
    let created = client.create_trial(request).await.unwrap().into_inner();
    created.trial.unwrap().name
}

pub(crate) fn report(trial: &str, epoch: f64, value: f64) -> v1::ReportObservationRequest {
    v1::ReportObservationRequest {
        trial: trial.to_owned(),
        observation: Some(v1::Observation { epoch, value }),
    }
}

/// Reports one observation.
pub(crate) async fn observe(
    client: &mut Predictions,
    trial: &str,
    epoch: f64,
    value: f64,
) -> Result<v1::Decision, tonic::Status> {
    let answer = client
        .report_observation(report(trial, epoch, value))
        .await?;
    Ok(answer.into_inner().decision.unwrap())
}

/// A curve that rises towards `ceiling` and settles.
pub(crate) fn rising(ceiling: f64, epoch: u32) -> f64 {
    ceiling - (ceiling - 10.0) * 0.5_f64.powi(epoch.cast_signed())
}

/// The full curve of a trial.
pub(crate) async fn full(client: &mut Predictions, name: &str) -> v1::Trial {
    let request = v1::GetTrialRequest {
        name: name.to_owned(),
        view: v1::TrialView::Full.into(),
    };
    client
        .get_trial(request)
        .await
        .unwrap()
        .into_inner()
        .trial
        .unwrap()
}
