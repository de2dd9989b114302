//! The search and its store, changed together: nobody hears of a change that is not on disk.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use peng_client::Error as ClientError;
use peng_search::{
    Candidate, Search,
    candidate::{Id, Outcome},
    lease::{self, Answer},
};
use peng_store::{SearchKey, SearchRecord, Searches};
use tokio::sync::{Mutex, broadcast, mpsc, watch};
use tracing::{info, warn};

use crate::{
    Config, Error,
    attempt::Attempt,
    change::{Change, event, expire, held, lost, settle},
    clock::Clock,
    progress::{Epochs, Event, Kind, Snapshot},
    stored,
};

/// Events that a subscriber may lag behind.
const EVENTS: usize = 1_024;

/// Where the orchestrator is in its life.
#[derive(Debug, Clone, Default)]
pub(crate) enum Status {
    /// The prediction server is not ready.
    #[default]
    Opened,
    /// Candidates are lent.
    Running,
    /// Every candidate is settled.
    Finished,
    /// Verdicts can no longer be watched.
    Failed(Arc<ClientError>),
}

/// The search and its store.
pub(crate) struct Ledger {
    pub(crate) config: Config,
    clock: Clock,
    store: Arc<dyn Searches>,
    settings: String,
    key: SearchKey,
    /// `None` after a failed write: what is stored is the truth, and is read again.
    search: Mutex<Option<Search>>,
    /// Sent after every change; [`Ledger::started`] alone begins.
    status: watch::Sender<Status>,
    events: broadcast::Sender<Event>,
    ended: mpsc::UnboundedSender<Event>,
}

/// A ledger just opened.
pub(crate) struct Opened {
    pub(crate) ledger: Arc<Ledger>,
    /// Everything that ends an attempt, in order.
    pub(crate) ended: mpsc::UnboundedReceiver<Event>,
    /// Where to go on watching.
    pub(crate) token: String,
    /// Whether nothing was stored before.
    pub(crate) fresh: bool,
}

impl Ledger {
    /// Opens the stored search, or begins a new one.
    pub(crate) async fn open(config: Config, store: Arc<dyn Searches>) -> Result<Opened, Error> {
        config.check()?;
        let settings = stored::to_json(&config)?;
        let record = store
            .open_search(config.search.0.as_str(), &settings, SystemTime::now())
            .await?;
        stored::compare(&record.settings, &settings)?;
        let (proposed, given) = (record.candidates.len(), config.settings.candidates);
        if proposed > given as usize {
            return Err(Error::Fewer {
                stored: proposed as u64,
                given: given.into(),
            });
        }
        let (key, token) = (record.key, record.watched.clone());
        let fresh = record.candidates.is_empty();
        let search = restore(&config, record)?;
        store.put_candidates(key, search.candidates(), None).await?;
        let (ended_sender, ended) = mpsc::unbounded_channel();
        let ledger = Arc::new(Self {
            config,
            clock: Clock::start(),
            store,
            settings,
            key,
            search: Mutex::new(Some(search)),
            status: watch::Sender::default(),
            events: broadcast::Sender::new(EVENTS),
            ended: ended_sender,
        });
        Ok(Opened {
            ledger,
            ended,
            token,
            fresh,
        })
    }

    /// What happens from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// The status; changes whenever the search does.
    pub(crate) fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Lends the next candidate, to a worker that goes on with the trials of others or does not.
    pub(crate) async fn lease(
        self: &Arc<Self>,
        worker: String,
        continues: bool,
    ) -> Result<Answer, Error> {
        let now = self.clock.now();
        self.change(move |search| {
            let mut change = expire(search, now);
            let reply = search.lease_to(&worker, continues, now);
            change.changed.extend(reply.changed);
            if let Answer::Leased(candidate) = &reply.answer {
                let kind = Kind::Leased { worker };
                change.events.push(event(Attempt::latest(candidate), kind));
            }
            (reply.answer, change)
        })
        .await
    }

    /// Keeps a lease.
    pub(crate) async fn renew(
        self: &Arc<Self>,
        id: Id,
        token: String,
    ) -> Result<Result<Candidate, lease::Error>, Error> {
        let now = self.clock.now();
        self.change(move |search| {
            let renewed = search.renew(id, &token, now);
            let changed = renewed.iter().cloned().collect();
            let change = Change {
                changed,
                ..Change::default()
            };
            (renewed, change)
        })
        .await
    }

    /// Begins all leases anew, so that workers which could not renew while the orchestrator was
    /// away have the time of a lease to come back, and no more, whatever its clock showed then.
    pub(crate) async fn renew_all(self: &Arc<Self>) -> Result<(), Error> {
        let now = self.clock.now();
        self.change(move |search| {
            let change = Change {
                changed: search.renew_all(now),
                ..Change::default()
            };
            ((), change)
        })
        .await
    }

    /// Takes a candidate back from a worker that has to leave.
    pub(crate) async fn release(
        self: &Arc<Self>,
        id: Id,
        token: String,
        reason: String,
    ) -> Result<Result<Candidate, lease::Error>, Error> {
        self.change(move |search| {
            let released = search.release(id, &token);
            let mut change = Change::default();
            if let Ok(candidate) = &released {
                change.changed.push(candidate.clone());
                let kind = Kind::GivenBack { reason };
                change.events.push(event(Attempt::latest(candidate), kind));
            }
            (released, change)
        })
        .await
    }

    /// Takes a candidate back from a worker that is gone; returns it as it is then.
    pub(crate) async fn lose(
        self: &Arc<Self>,
        id: Id,
        token: String,
        reason: String,
    ) -> Result<Result<Option<Candidate>, lease::Error>, Error> {
        self.change(move |search| match search.lose(id, &token) {
            Ok(changed) => (Ok(search.candidate(id).cloned()), lost(changed, &reason)),
            Err(error) => (Err(error), Change::default()),
        })
        .await
    }

    /// Takes back whatever a worker has that is gone.
    pub(crate) async fn lose_all(
        self: &Arc<Self>,
        worker: String,
        reason: String,
    ) -> Result<(), Error> {
        self.change(move |search| {
            let mut change = Change::default();
            for (id, token) in held(search, |lease| lease.worker == worker) {
                let all = lost(search.lose(id, &token).unwrap_or_default(), &reason);
                change.changed.extend(all.changed);
                change.events.extend(all.events);
            }
            ((), change)
        })
        .await
    }

    /// Settles a candidate that its worker hands back; returns it as it is settled.
    pub(crate) async fn settle(
        self: &Arc<Self>,
        id: Id,
        token: String,
        outcome: Outcome,
    ) -> Result<Result<Option<Candidate>, lease::Error>, Error> {
        self.change(
            move |search| match settle(search, id, Some(&token), outcome) {
                Ok(change) => (Ok(search.candidate(id).cloned()), change),
                Err(error) => (Err(error), Change::default()),
            },
        )
        .await
    }

    /// Takes note of an observation of an attempt; `outcome` is that of a verdict which settles
    /// the candidate, `token` the place in the log after it. An attempt that does not run is
    /// passed over.
    pub(crate) async fn observe(
        self: &Arc<Self>,
        attempt: Attempt,
        observed: Kind,
        outcome: Option<Outcome>,
        token: String,
    ) -> Result<(), Error> {
        self.change(move |search| {
            let id = attempt.candidate;
            if !search
                .candidate(id)
                .is_some_and(|candidate| attempt.runs(candidate))
            {
                return ((), Change::default());
            }
            let mut change = Change::default();
            if let Some(outcome) = outcome {
                change = settle(search, id, None, outcome).unwrap_or_default();
                change.watched = Some(token);
            }
            change.events.insert(0, event(attempt, observed));
            ((), change)
        })
        .await
    }

    /// Takes back the candidates whose lease ran out; returns how long the next one has.
    pub(crate) async fn expire(self: &Arc<Self>) -> Result<Option<Duration>, Error> {
        let now = self.clock.now();
        self.change(move |search| {
            let change = expire(search, now);
            let leases = search.candidates().iter().filter_map(Candidate::lease);
            let next = leases.map(|lease| lease.deadline).min();
            let left = next.map(|at| at.duration_since(now).unwrap_or_default());
            (left, change)
        })
        .await
    }

    /// The candidate of that name.
    pub(crate) async fn candidate(self: &Arc<Self>, id: Id) -> Result<Option<Candidate>, Error> {
        self.change(move |search| (search.candidate(id).cloned(), Change::default()))
            .await
    }

    /// The search as it stands.
    pub(crate) async fn snapshot(self: &Arc<Self>) -> Result<Snapshot, Error> {
        let epochs = self.config.training.epochs;
        self.change(move |search| {
            let snapshot = Snapshot {
                candidates: search.candidates().to_vec(),
                front: search.front(),
                progress: search.progress(),
                epochs: Epochs::count(search.candidates(), epochs),
            };
            (snapshot, Change::default())
        })
        .await
    }

    /// The prediction server is ready.
    pub(crate) async fn started(self: &Arc<Self>) -> Result<(), Error> {
        let finished = self
            .change(|search| (search.is_finished(), Change::default()))
            .await?;
        self.status.send_modify(|status| {
            if matches!(status, Status::Opened) {
                *status = Status::Running;
            }
            if finished {
                *status = Status::Finished;
            }
        });
        Ok(())
    }

    /// Verdicts can no longer be watched.
    pub(crate) fn fail(&self, error: ClientError) {
        self.status.send_if_modified(|status| {
            let fails = !matches!(status, Status::Finished);
            if fails {
                *status = Status::Failed(Arc::new(error));
            }
            fails
        });
    }

    /// Changes the search and stores the change. In a task of its own, so that a caller who hangs
    /// up does not tear the one from the other.
    async fn change<T, F>(self: &Arc<Self>, change: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut Search) -> (T, Change) + Send + 'static,
    {
        let ledger = self.clone();
        tokio::spawn(async move { ledger.apply(change).await }).await?
    }

    async fn apply<T>(&self, change: impl FnOnce(&mut Search) -> (T, Change)) -> Result<T, Error> {
        let mut guard = self.search.lock().await;
        let search = match guard.take() {
            Some(search) => search,
            None => self.reload().await?,
        };
        let search = guard.insert(search);
        let (answer, change) = change(search);
        let finished = search.is_finished();
        if !change.changed.is_empty() || change.watched.is_some() {
            let watched = change.watched.as_deref();
            let stored = self
                .store
                .put_candidates(self.key, &change.changed, watched)
                .await;
            if let Err(error) = stored {
                *guard = None;
                return Err(error.into());
            }
            self.tell(finished, change.events);
        } else if !change.events.is_empty() {
            self.publish(change.events);
        }
        Ok(answer)
    }

    async fn reload(&self) -> Result<Search, Error> {
        warn!("the last change was not stored: reading the search again");
        let id = self.config.search.0.as_str();
        let record = self
            .store
            .open_search(id, &self.settings, SystemTime::now())
            .await?;
        restore(&self.config, record)
    }

    fn tell(&self, finished: bool, events: Vec<Event>) {
        self.publish(events);
        // Even where it stays the same: those who wait look again. What changes before the start
        // is no start: leases that ran out while nobody was here are kept first.
        self.status.send_modify(|status| {
            if finished {
                *status = Status::Finished;
            }
        });
    }

    fn publish(&self, events: Vec<Event>) {
        for event in events {
            if !matches!(event.kind, Kind::Observed { .. }) {
                let (candidate, attempt) = (event.candidate, event.attempt);
                info!(%candidate, attempt, what = ?event.kind, "candidate");
            }
            // Nobody may listen: the orchestrator is leaving, or has no display.
            let _ = self.ended.send(event.clone());
            let _ = self.events.send(event);
        }
    }
}

fn restore(config: &Config, record: SearchRecord) -> Result<Search, Error> {
    if record.candidates.is_empty() {
        return Ok(Search::new(config.settings.clone())?);
    }
    Ok(Search::restore(config.settings.clone(), record.candidates)?)
}
