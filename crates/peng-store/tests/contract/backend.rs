//! The stores, and what to put into them.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use peng_predict::{Epoch, Observation, experiment::Settings, trial::Session};
use peng_store::{
    Address, Basis, Experiment, Label, Logged, NewExperiment, Sqlite, Store, Trial, Version, Write,
    Written,
};
use tempfile::TempDir;

/// A place for one test's store.
pub(crate) enum Backend {
    Memory(Arc<Sqlite>),
    Folder(TempDir),
    Postgres(String),
}

impl Backend {
    pub(crate) async fn memory() -> Self {
        Self::Memory(Arc::new(Sqlite::in_memory().await.unwrap()))
    }

    pub(crate) fn folder() -> Self {
        Self::Folder(tempfile::tempdir().unwrap())
    }

    pub(crate) async fn postgres() -> Option<Self> {
        peng4nn_tests::postgres::database()
            .await
            .map(Self::Postgres)
    }

    /// The store as a server opens it.
    pub(crate) async fn open(&self) -> Arc<dyn Store> {
        let address: Address = match self {
            Self::Memory(store) => return store.clone(),
            Self::Folder(folder) => Address::Folder(PathBuf::from(folder.path())),
            Self::Postgres(url) => url.parse().unwrap(),
        };
        peng_store::open(&address).await.unwrap()
    }

    /// The same store for two servers, where two may have it; else one for both.
    pub(crate) async fn open_two(&self) -> [Arc<dyn Store>; 2] {
        let first = self.open().await;
        let second = match self {
            Self::Postgres(_) => self.open().await,
            Self::Memory(_) | Self::Folder(_) => first.clone(),
        };
        [first, second]
    }
}

/// So many seconds after 1970.
pub(crate) fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

pub(crate) fn new(id: &str) -> NewExperiment {
    NewExperiment {
        id: id.to_owned(),
        label: Label {
            display_name: "Größe \"ß\"".to_owned(),
            metric: "accuracy".to_owned(),
            unit: "percent".to_owned(),
        },
        settings: Settings::accuracy(Epoch::new(20.0).unwrap()),
    }
}

pub(crate) async fn experiment(store: &dyn Store, id: &str) -> Experiment {
    store.create_experiment(new(id), at(1)).await.unwrap().0
}

pub(crate) fn create(experiment: &Experiment, id: &str) -> Write {
    Write::Create {
        experiment: experiment.key,
        id: id.to_owned(),
        display_name: format!("\"trial\" {id},\nß"),
        schedule: None,
    }
}

pub(crate) async fn trial(store: &dyn Store, experiment: &Experiment, id: &str) -> Trial {
    let creates = [create(experiment, id)];
    let written = store.commit(&creates, at(2)).await.unwrap();
    let [Written::Created { key, at, .. }] = written[..] else {
        panic!("{written:?}")
    };
    let row = store.trial(experiment.key, id).await.unwrap().unwrap();
    assert_eq!((row.key, row.created), (key, at));
    row
}

/// An observation on a version of its trial.
pub(crate) fn observe(
    experiment: &Experiment,
    trial: &Trial,
    version: i64,
    logged: &Logged,
) -> Write {
    Write::Observe {
        experiment: experiment.key,
        trial: trial.key,
        basis: Basis::Trial(Version::new(version)),
        logged: Box::new(logged.clone()),
        enters: None,
    }
}

/// Observations of a curve that settles, with the engine's decisions.
pub(crate) fn curve(points: u32) -> Vec<Logged> {
    let mut session = Session::new(Arc::new(new("any").settings));
    (1..=points)
        .map(|epoch| {
            let value = 80.0 - 70.0 * 0.6_f64.powi(epoch.cast_signed());
            decide(&mut session, f64::from(epoch), value)
        })
        .collect()
}

/// One observation with the engine's decision.
pub(crate) fn decide(session: &mut Session, epoch: f64, value: f64) -> Logged {
    let observation = Observation {
        epoch: Epoch::new(epoch).unwrap(),
        value,
    };
    let decision = session.observe(observation).unwrap();
    Logged {
        observation,
        decision,
    }
}
