//! What the log of an experiment has taught its policy.

use std::{collections::HashMap, iter, sync::Arc};

use peng_predict::{experiment, rate::Schedule, trial};
use peng_proto::error::{Error, Reason};
use peng_store::{Event, EventKind, Logged, Seq, State, TrialKey, Trials};
use tokio::{sync::mpsc, task::spawn_blocking};

use crate::storage;

/// Events read from the store at once.
const PAGE: u32 = 1_024;

/// Pages that are read ahead of what is learned.
const AHEAD: usize = 1;

/// A page as the engine reads it.
type Page = Vec<(u64, experiment::Event)>;

/// A trial's number for the engine.
pub(super) const fn number(trial: TrialKey) -> u64 {
    trial.get().unsigned_abs()
}

pub(super) fn damaged(experiment: &str, error: &trial::Error) -> Error {
    Error::new(
        Reason::Internal,
        format!("the log of experiment `{experiment}` is damaged: {error}"),
    )
}

/// The engine as the whole log leaves it. A page is learned while the next is read, on a thread
/// where that keeps no other task waiting; the log is never in memory as a whole.
pub(super) async fn learn(
    store: &dyn Trials,
    stored: &peng_store::Experiment,
    settings: Arc<experiment::Settings>,
) -> Result<experiment::Experiment, Error> {
    let (pages, mut read) = mpsc::channel(AHEAD);
    let learning = spawn_blocking(move || {
        let log = iter::from_fn(|| read.blocking_recv()).flatten();
        experiment::Experiment::restore(settings, log).map(|(engine, _)| engine)
    });
    // Before what was learned, which then is of a part.
    send(store, stored, pages).await?;
    let learned = learning.await;
    learned
        .map_err(|_| Error::new(Reason::Internal, "the experiment was lost"))?
        .map_err(|error| damaged(&stored.id, &error))
}

/// Sends the whole log, for as long as somebody takes it.
async fn send(
    store: &dyn Trials,
    stored: &peng_store::Experiment,
    pages: mpsc::Sender<Page>,
) -> Result<(), Error> {
    let declared = store.schedules(stored.key).await;
    let declared = declared.map_err(storage::refusal)?;
    let mut declared: HashMap<TrialKey, _> = declared.into_iter().collect();
    let mut after = Seq::START;
    loop {
        let events = store.events(stored.key, after, PAGE).await;
        let events = events.map_err(storage::refusal)?;
        let Some(last) = events.last() else {
            return Ok(());
        };
        after = last.seq;
        if pages.send(page(events, &mut declared)).await.is_err() {
            return Ok(());
        }
    }
}

fn page(events: Vec<Event>, declared: &mut HashMap<TrialKey, Arc<Schedule>>) -> Page {
    let mut page = Vec::with_capacity(events.len());
    // What was taken back has taught nothing.
    for event in events.into_iter().filter(|event| !event.retracted) {
        let trial = number(event.key);
        // Its first event comes before all others of the trial.
        if let Some(schedule) = declared.remove(&event.key) {
            page.push((trial, experiment::Event::Declared(schedule)));
        }
        match event.kind {
            EventKind::Observed(logged) => {
                let Logged {
                    observation,
                    decision,
                } = *logged;
                page.push((trial, experiment::Event::Observed(observation, decision)));
            }
            EventKind::Entered(State::Succeeded) => {
                page.push((trial, experiment::Event::Completed));
            }
            // Observations that were under way at a STOP may follow it, and one that was
            // preempted may go on, so only what ends a trial for good is an end here.
            EventKind::Entered(State::Running | State::Stopped | State::Preempted)
            | EventKind::RolledBack(_) => {}
            EventKind::Entered(State::Failed | State::Cancelled) => {
                page.push((trial, experiment::Event::Ended));
            }
        }
    }
    page
}
