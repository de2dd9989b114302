//! What happens in an experiment, from any place in its log on.

use std::{collections::VecDeque, sync::Arc};

use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use peng_proto::{
    error::{Error, Reason},
    names,
    v1::{self, watch_experiment_response::Event as Happened},
};
use peng_store::{Event, EventKind, Seq, Trials};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::{
    account::{Account, Held},
    auth::Caller,
    experiments::Experiment,
    storage,
    sync::apart,
};

use super::{
    Service, name, shutting_down,
    trials::{logged_to_wire, state_to_wire},
};

/// Events read from the store at once.
const PAGE: u32 = 256;

/// What they take until they are read.
const PAGE_BYTES: usize = 128 << 10;

/// Events read at once where the peer makes the server hold too much already.
const FEW: u32 = 8;

impl Service {
    pub(super) async fn watch_experiment(
        &self,
        caller: Caller,
        account: Option<Arc<Account>>,
        request: v1::WatchExperimentRequest,
    ) -> Result<BoxStream<'static, Result<v1::WatchExperimentResponse, Status>>, Error> {
        let name: names::Experiment = name("name", &request.name)?;
        caller.check(&name)?;
        let after = resume_token(&request.resume_token)?;
        let known = self.sessions.experiment(&name).await?;
        let mut grown = self.notices.subscribe(known.key);
        // Asked only now: one that is deleted from here on ends the watch.
        let experiment = self.sessions.experiment_now(&name).await?;
        if experiment.key != known.key {
            grown = self.notices.subscribe(experiment.key);
        }
        let watcher = Watcher {
            caller,
            name,
            store: self.store.clone(),
            grown,
            experiment,
            after,
            page: VecDeque::new(),
            account,
            held: None,
            leaving: self.leaving.clone(),
        };
        let events = stream::try_unfold(watcher, |mut watcher| async {
            let event = watcher.next().await.map_err(Status::from)?;
            Ok(Some((watcher.to_wire(&event), watcher)))
        });
        Ok(events.boxed())
    }
}

/// The token is the event's place in the log.
fn resume_token(token: &str) -> Result<Seq, Error> {
    if token.is_empty() {
        return Ok(Seq::START);
    }
    let seq = token.parse().map_err(|_| {
        Error::field(
            "resume_token",
            format!("`{token}` is not the resume_token of an event"),
        )
    })?;
    Ok(Seq::new(seq))
}

fn gone(experiment: &names::Experiment) -> Error {
    Error::new(
        Reason::NotFound,
        format!("`{experiment}` was deleted while it was watched"),
    )
}

struct Watcher {
    caller: Caller,
    name: names::Experiment,
    store: Arc<dyn Trials>,
    experiment: Arc<Experiment>,
    grown: watch::Receiver<Seq>,
    after: Seq,
    page: VecDeque<Event>,
    account: Option<Arc<Account>>,
    /// For the page.
    held: Option<Held>,
    leaving: CancellationToken,
}

impl Watcher {
    async fn next(&mut self) -> Result<Event, Error> {
        loop {
            self.caller.check(&self.name)?;
            // Also where so much is logged that there is no end to it.
            if self.leaving.is_cancelled() {
                return Err(shutting_down());
            }
            if let Some(event) = self.page.pop_front() {
                self.after = event.seq;
                return Ok(event);
            }
            let events = self.room();
            // Marked before reading: growth during the read is seen by the next wait.
            self.grown.mark_unchanged();
            let (store, experiment, after) = (self.store.clone(), self.experiment.key, self.after);
            let page = apart(async move {
                let page = store.events(experiment, after, events).await;
                page.map_err(storage::refusal)
            });
            self.page = page.await?.into();
            if self.page.is_empty() {
                self.held = None;
                tokio::select! {
                    grown = self.grown.changed() => grown.map_err(|_| gone(&self.name))?,
                    () = self.leaving.cancelled() => return Err(shutting_down()),
                }
            }
        }
    }

    /// How many events there is room for.
    fn room(&mut self) -> u32 {
        let Some(account) = &self.account else {
            return PAGE;
        };
        if self.held.is_none() {
            self.held = account.try_hold(PAGE_BYTES);
        }
        if self.held.is_some() { PAGE } else { FEW }
    }

    fn to_wire(&self, event: &Event) -> v1::WatchExperimentResponse {
        let happened = match &event.kind {
            EventKind::Observed(logged) => {
                Happened::Observed(logged_to_wire(logged, self.experiment.settings.mode))
            }
            EventKind::RolledBack(epoch) => Happened::RolledBackTo(epoch.get()),
            EventKind::Entered(state) => Happened::StateEntered(state_to_wire(*state).into()),
        };
        v1::WatchExperimentResponse {
            resume_token: event.seq.get().to_string(),
            event_time: Some(event.at.into()),
            trial: format!("experiments/{}/trials/{}", self.experiment.id, event.trial),
            event: Some(happened),
        }
    }
}
