use std::{fmt, sync::Arc, time::Duration};

use peng_client::Client;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, info_span};

use crate::{Error, progress::Show, slot::Slot, train::Trainer};

/// A worker with its slots.
#[derive(Clone)]
pub struct Worker {
    /// The orchestrator; its patience is how long an outage is survived while there is nothing
    /// to train, and a prediction server elsewhere is met with the same waits and credentials.
    pub orchestrator: Client,
    /// Its slots, at least one: so many candidates train at the same time.
    pub slots: Vec<Post>,
    /// How long an epoch without a verdict holds up the next one. Verdicts come in milliseconds;
    /// while the prediction server is away, training goes on after this wait.
    pub verdict_wait: Duration,
    /// Whether every slot ends after its first candidate.
    pub once: bool,
    /// Told what every slot is at.
    pub show: Show,
}

/// What a slot is.
#[derive(Clone)]
pub struct Post {
    /// The name, for people and for the orchestrator; 1 to 100 characters.
    pub name: String,
    /// What trains its candidates.
    pub trainer: Arc<dyn Trainer>,
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("orchestrator", &self.orchestrator)
            .field("slots", &self.slots)
            .field("once", &self.once)
            .finish_non_exhaustive()
    }
}

impl Worker {
    /// Works until the search is finished, or `leaving` is cancelled: then every slot ends its
    /// training before the next batch and gives its candidate back. A slot that cannot work on
    /// ends alone; its error is returned once the others have ended, too.
    pub async fn run(&self, leaving: CancellationToken) -> Result<(), Error> {
        let mut slots = JoinSet::new();
        for post in &self.slots {
            let slot = self.slot(post, leaving.clone());
            let span = info_span!("slot", name = %slot.name);
            slots.spawn(slot.run().instrument(span));
        }
        let mut result = Ok(());
        while let Some(ended) = slots.join_next().await {
            if let Err(error) = ended.map_err(Error::Slot).flatten() {
                let left = slots.len();
                tracing::error!(%error, left, "a slot has ended");
                result = result.and(Err(error));
            }
        }
        result
    }

    fn slot(&self, post: &Post, leaving: CancellationToken) -> Slot {
        Slot {
            name: post.name.clone(),
            orchestrator: self.orchestrator.clone(),
            trainer: post.trainer.clone(),
            verdict_wait: self.verdict_wait,
            once: self.once,
            show: self.show.clone(),
            leaving,
        }
    }
}
