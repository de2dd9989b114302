//! Tells watchers that their experiment's log has grown.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use peng_store::{ExperimentKey, Seq};
use tokio::sync::watch;

/// Where the log of each watched experiment stands.
///
/// A watcher reads events from the store, as far as it likes and at its own
/// pace; from here it only learns that there is more. So a slow one costs
/// nothing and misses nothing.
#[derive(Debug, Default)]
pub(crate) struct Notices(Mutex<HashMap<ExperimentKey, watch::Sender<Seq>>>);

impl Notices {
    /// Follows an experiment's log.
    pub(crate) fn subscribe(&self, experiment: ExperimentKey) -> watch::Receiver<Seq> {
        let mut logs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        logs.entry(experiment)
            .or_insert_with(|| watch::Sender::new(Seq::START))
            .subscribe()
    }

    /// The log of an experiment is on disk up to `seq`.
    pub(crate) fn publish(&self, experiment: ExperimentKey, seq: Seq) {
        let mut logs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(log) = logs.get(&experiment)
            && log.send(seq).is_err()
        {
            logs.remove(&experiment);
        }
    }
}
