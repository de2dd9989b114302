//! Experiments that go: by a call, or because they were kept for long enough.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use peng_proto::{error::Error, names};
use peng_store::{Deleted, ExperimentKey, OnlyIf, Trials};
use tokio::{
    sync::Notify,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{info, warn};

use crate::{notices::Notices, sessions::Sessions, steady::Steady, storage};

/// Rows that are removed in one commit, and the pause after it: other commits are to wait for
/// none but a short one.
const ROWS: u32 = 500;
const PAUSE: Duration = Duration::from_millis(20);

/// How often the store is asked for what is left to remove, by other servers too, and, where
/// experiments are kept for a time, for those whose time is over.
const LOOK: Duration = Duration::from_mins(10);

/// How long the clock has to have shown that a time is over before it is: one that leaps by a year
/// and is set right deletes nothing.
const TRIAL: Duration = Duration::from_hours(6);

/// Experiments that are looked at together.
const PAGE: u32 = 100;

/// Deletes experiments, and removes in the background what they consisted of.
#[derive(Debug, Clone)]
pub(crate) struct Deletions {
    store: Arc<dyn Trials>,
    notices: Arc<Notices>,
    sessions: Arc<Sessions>,
    work: Arc<Notify>,
    /// Ends the task with the last that can delete; the task itself has none.
    _end: Option<Arc<DropGuard>>,
}

impl Deletions {
    /// Starts the task that removes, until `leaving` or until nobody has what this returns. An experiment in which nothing was logged
    /// for `retain_for` is deleted.
    pub(crate) fn start(
        store: Arc<dyn Trials>,
        notices: Arc<Notices>,
        sessions: Arc<Sessions>,
        retain_for: Option<Duration>,
        leaving: CancellationToken,
    ) -> Self {
        let task = Self {
            store,
            notices,
            sessions,
            work: Arc::default(),
            _end: None,
        };
        let ends = CancellationToken::new();
        let deletions = Self {
            _end: Some(Arc::new(ends.clone().drop_guard())),
            ..task.clone()
        };
        tokio::spawn(async move {
            let removing = task.remove(retain_for);
            let removing = ends.run_until_cancelled(removing);
            leaving.run_until_cancelled(removing).await
        });
        deletions
    }

    /// Deletes an experiment, if it is one that is meant.
    pub(crate) async fn delete(
        &self,
        name: &names::Experiment,
        key: ExperimentKey,
        only_if: OnlyIf,
    ) -> Result<Deleted, Error> {
        let deleted = self
            .store
            .delete_experiment(key, only_if, SystemTime::now());
        let deleted = deleted.await.map_err(storage::refusal)?;
        if deleted == Deleted::Done {
            self.sessions.forget_experiment(name);
            self.notices.end(key);
            self.work.notify_one();
        }
        Ok(deleted)
    }

    async fn remove(&self, retain_for: Option<Duration>) {
        // An hour too long matters less in a time of weeks than a second in one of seconds.
        let at_most = |limit: Duration| retain_for.map_or(limit, |time| limit.min(time / 8));
        let (look, mut clock) = (at_most(LOOK), Steady::new(at_most(TRIAL)));
        loop {
            let now = Instant::now();
            if let Some(time) = retain_for
                && let Some(today) = clock.read(now.into_std(), SystemTime::now())
                && let Some(since) = today.checked_sub(time)
            {
                self.expire(since).await;
            }
            self.sweep().await;
            let next = sleep_until(now + look);
            tokio::pin!(next);
            loop {
                tokio::select! {
                    () = self.work.notified() => self.sweep().await,
                    () = &mut next => break,
                }
            }
        }
    }

    /// Deletes the experiments in which nothing was logged since.
    async fn expire(&self, since: SystemTime) {
        loop {
            // A failure is in the log; the next look tries again.
            let idle = self.store.idle_experiments(since, PAGE).await;
            let Ok(idle) = idle.map_err(storage::refusal) else {
                return;
            };
            let full = idle.len() == PAGE as usize;
            for experiment in idle {
                let Ok(name) = experiment.id.parse().map(names::Experiment) else {
                    warn!(
                        experiment = experiment.id,
                        "has no id that could be deleted"
                    );
                    return;
                };
                let only_if = OnlyIf::IdleSince(since);
                match self.delete(&name, experiment.key, only_if).await {
                    Ok(Deleted::Done) => info!(
                        target: "peng_server::audit",
                        experiment = experiment.id,
                        "deleted: nothing was logged in it for as long as experiments are kept"
                    ),
                    // It goes on, or another server was faster.
                    Ok(Deleted::Kept | Deleted::NotFound) => {}
                    Err(_) => return,
                }
            }
            if !full {
                return;
            }
        }
    }

    /// Removes what is deleted, a few rows at a time.
    async fn sweep(&self) {
        while let Ok(1..) = self.store.sweep(ROWS).await.map_err(storage::refusal) {
            sleep(PAUSE).await;
        }
    }
}
