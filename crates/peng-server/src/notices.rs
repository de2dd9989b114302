//! Tells watchers that their experiment's log has grown.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use peng_store::{ExperimentKey, Seq, Trials};
use tokio::{sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::sync::lock;

/// How often the logs of watched experiments are asked for what other servers
/// have written.
const POLL: Duration = Duration::from_millis(100);

/// How long to leave a store alone that does not answer.
const PAUSE: Duration = Duration::from_secs(1);

type Logs = HashMap<ExperimentKey, watch::Sender<Seq>>;

/// Where the log of each watched experiment stands.
///
/// A watcher reads events from the store, as far as it likes and at its own
/// pace; from here it only learns that there is more. So a slow one costs
/// nothing and misses nothing.
#[derive(Debug, Default)]
pub(crate) struct Notices(Mutex<Logs>);

impl Notices {
    fn logs(&self) -> MutexGuard<'_, Logs> {
        lock(&self.0)
    }

    /// Follows an experiment's log.
    pub(crate) fn subscribe(&self, experiment: ExperimentKey) -> watch::Receiver<Seq> {
        self.logs()
            .entry(experiment)
            .or_insert_with(|| watch::Sender::new(Seq::START))
            .subscribe()
    }

    /// The log of an experiment is on disk up to `seq`.
    pub(crate) fn publish(&self, experiment: ExperimentKey, seq: Seq) {
        let mut logs = self.logs();
        let Some(log) = logs.get(&experiment) else {
            return;
        };
        if log.is_closed() {
            logs.remove(&experiment);
            return;
        }
        log.send_if_modified(|last| {
            let grown = seq > *last;
            *last = seq.max(*last);
            grown
        });
    }

    /// The experiment is gone; whoever follows its log is told so.
    pub(crate) fn end(&self, experiment: ExperimentKey) {
        self.logs().remove(&experiment);
    }

    /// The experiments that someone watches.
    fn watched(&self) -> Vec<ExperimentKey> {
        let mut logs = self.logs();
        logs.retain(|_, log| !log.is_closed());
        logs.keys().copied().collect()
    }
}

/// Tells watchers also of what other servers write, until this one leaves.
pub(crate) async fn follow(
    store: Arc<dyn Trials>,
    notices: Arc<Notices>,
    leaving: CancellationToken,
) {
    let mut pause = POLL;
    while leaving.run_until_cancelled(sleep(pause)).await.is_some() {
        pause = POLL;
        let watched = notices.watched();
        if watched.is_empty() {
            continue;
        }
        match store.ends(&watched).await {
            Ok(ends) => {
                let mut gone = watched;
                for (experiment, end) in ends {
                    gone.retain(|watched| *watched != experiment);
                    notices.publish(experiment, end);
                }
                for experiment in gone {
                    notices.end(experiment);
                }
            }
            Err(failure) => {
                let error = &failure as &dyn std::error::Error;
                warn!(error, "watchers hear late of what other servers write");
                pause = PAUSE;
            }
        }
    }
}
