//! Servers to test against.

use std::{fs, path::Path, sync::Arc, time::Duration};

use peng_client::{Client, Credentials, Options, v1};
use peng_server::{Config, Metrics, Server, auth::Token};
use peng_store::Sqlite;
use tokio::{sync::oneshot, task::JoinHandle};

/// A server in this process, on a store in memory.
pub(crate) struct Running {
    pub(crate) address: std::net::SocketAddr,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) metrics_address: Option<std::net::SocketAddr>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn start(config: Config) -> Self {
        let store = Sqlite::in_memory().await.unwrap();
        let server = Server::bind(config, Arc::new(store)).await.unwrap();
        Self::run(server)
    }

    pub(crate) fn run(server: Server) -> Self {
        let address = server.local_addr();
        let (metrics, metrics_address) = (server.metrics(), server.metrics_addr());
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            server.run(async { drop(stopped.await) }).await.unwrap();
        });
        Self {
            address,
            metrics,
            metrics_address,
            stop: Some(stop),
            task,
        }
    }

    /// Leaves as on SIGTERM.
    pub(crate) async fn stop(mut self) {
        drop(self.stop.take());
        self.task.await.unwrap();
    }

    pub(crate) fn client(&self, scheme: &str, credentials: Credentials) -> Client {
        let endpoint = format!("{scheme}://localhost:{}", self.address.port());
        Client::connect_lazy_with(&endpoint, options(), credentials).unwrap()
    }
}

/// A client that gives up soon.
pub(crate) fn options() -> Options {
    Options {
        patience: Duration::from_millis(300),
        ..Options::default()
    }
}

pub(crate) fn config() -> Config {
    Config::new("127.0.0.1:0".parse().unwrap())
}

pub(crate) fn token(number: u8) -> Token {
    Token::from_entropy([number; 32])
}

pub(crate) fn shown(token: &Token) -> Credentials {
    Credentials::default().with_token(token.reveal()).unwrap()
}

/// Writes a token file: a token, when it expires, its scope.
pub(crate) fn write_tokens(path: &Path, lines: &[(&Token, &str, &str)]) {
    let lines = lines
        .iter()
        .enumerate()
        .map(|(number, (token, expires, scope))| {
            format!("token-{number} {} {expires} {scope}\n", token.digest())
        });
    fs::write(path, lines.collect::<String>()).unwrap();
}

pub(crate) fn experiment(id: &str) -> v1::CreateExperimentRequest {
    v1::CreateExperimentRequest {
        experiment_id: id.to_owned(),
        experiment: Some(v1::Experiment {
            target_epoch: 20.0,
            ..v1::Experiment::default()
        }),
    }
}

/// A trial of the experiment `e`.
pub(crate) fn trial(id: &str) -> v1::CreateTrialRequest {
    v1::CreateTrialRequest {
        parent: "experiments/e".to_owned(),
        trial_id: id.to_owned(),
        trial: None,
    }
}

/// The experiments that a client may see.
pub(crate) async fn visible(client: &Client) -> Result<Vec<String>, peng_client::Error> {
    let answer = client.list_experiments(v1::ListExperimentsRequest::default());
    let names = answer.await?.experiments.into_iter().map(|one| one.name);
    Ok(names.collect())
}
