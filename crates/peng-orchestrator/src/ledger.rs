//! The search and its store, changed together: nobody hears of a change that is not on disk.

mod lending;
mod look;
mod pause;
mod revisions;

use std::{mem, sync::Arc, time::SystemTime};

use peng_client::Error as ClientError;
use peng_search::{Search, candidate::Outcome};
use peng_store::{SearchChange, SearchKey, SearchRecord, Searches};
use tokio::sync::{Mutex, broadcast, mpsc, watch};
use tracing::{info, warn};

use crate::{
    Config, Error,
    attempt::Attempt,
    change::{Change, event, settle},
    clock::Clock,
    progress::{Event, Kind},
    stored,
};

pub(crate) use look::{Changed, News, Place};
use revisions::Revisions;

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
    /// Tells the revisions of this ledger from those of another.
    opened: u128,
    state: Mutex<State>,
    /// Sent after every change; [`Ledger::started`] alone begins.
    status: watch::Sender<Status>,
    paused: watch::Sender<bool>,
    events: broadcast::Sender<Event>,
    ended: mpsc::UnboundedSender<Event>,
}

struct State {
    /// `None` after a failed write: what is stored is the truth, and is read again.
    search: Option<Search>,
    revisions: Revisions,
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
        let proposed = SearchChange {
            candidates: search.candidates(),
            ..SearchChange::default()
        };
        store.put_search(key, proposed).await?;
        let clock = Clock::start();
        let paused = search.is_paused();
        let opened = clock.now().duration_since(SystemTime::UNIX_EPOCH);
        let (ended_sender, ended) = mpsc::unbounded_channel();
        let ledger = Arc::new(Self {
            config,
            clock,
            store,
            settings,
            key,
            opened: opened.unwrap_or_default().as_nanos(),
            state: Mutex::new(State {
                revisions: Revisions::of(&search),
                search: Some(search),
            }),
            status: watch::Sender::default(),
            paused: watch::Sender::new(paused),
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

    /// Whether the search is paused.
    pub(crate) fn paused(&self) -> watch::Receiver<bool> {
        self.paused.subscribe()
    }

    /// The status; changes whenever the search does.
    pub(crate) fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
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
        let mut state = self.state.lock().await;
        let mut search = self.take(&mut state).await?;
        let (answer, change) = change(&mut search);
        if change.is_to_be_stored() {
            let stored = change.for_the_store();
            self.store.put_search(self.key, stored).await?;
            state.revisions.note(&search, &change.changed);
            self.tell(&search, change.events);
        } else if !change.events.is_empty() {
            self.publish(change.events);
        }
        state.search = Some(search);
        Ok(answer)
    }

    /// The search, to be put back unless what is stored may be another.
    async fn take(&self, state: &mut State) -> Result<Search, Error> {
        if let Some(search) = state.search.take() {
            return Ok(search);
        }
        let search = self.reload().await?;
        // The write that failed may have arrived.
        state.revisions.note(&search, search.candidates());
        self.tell(&search, Vec::new());
        Ok(search)
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

    fn tell(&self, search: &Search, events: Vec<Event>) {
        self.publish(events);
        let (paused, finished) = (search.is_paused(), search.is_finished());
        let differs = |was: &mut bool| !finished && mem::replace(was, paused) != paused;
        if self.paused.send_if_modified(differs) {
            info!(paused, "whether candidates are held back");
        }
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
    let mut search = Search::restore(config.settings.clone(), record.candidates)?;
    if record.paused {
        search.pause();
    }
    Ok(search)
}
