use std::{fmt, sync::Arc, time::Duration};

use peng_client::{Client, Options};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, info_span};

use crate::{Error, slot::Slot, train::Trainer};

/// A worker with its slots.
#[derive(Clone)]
pub struct Worker {
    /// The orchestrator; its patience is how long an outage is survived.
    pub orchestrator: Client,
    /// The same waits for a prediction server elsewhere.
    pub options: Options,
    /// The name, for people; 1 to 90 characters. With several slots each adds its number.
    pub name: String,
    /// How many candidates train at the same time, at least 1.
    pub slots: usize,
    /// How long an epoch without a verdict holds up the next one. Verdicts come in milliseconds;
    /// while the prediction server is away, training goes on after this wait.
    pub verdict_wait: Duration,
    /// Whether every slot ends after its first candidate.
    pub once: bool,
    /// What trains them.
    pub trainer: Arc<dyn Trainer>,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("orchestrator", &self.orchestrator)
            .field("name", &self.name)
            .field("slots", &self.slots)
            .field("once", &self.once)
            .finish_non_exhaustive()
    }
}

impl Worker {
    /// Works until the search is finished, or `leaving` is cancelled: then every slot ends its
    /// training before the next batch and gives its candidate back. A slot that cannot work on
    /// makes the others leave.
    pub async fn run(&self, leaving: CancellationToken) -> Result<(), Error> {
        let leaving = leaving.child_token();
        let mut slots = JoinSet::new();
        for number in 1..=self.slots.max(1) {
            let slot = self.slot(number, leaving.clone());
            let span = info_span!("slot", name = %slot.name);
            slots.spawn(slot.run().instrument(span));
        }
        let mut result = Ok(());
        while let Some(ended) = slots.join_next().await {
            if let Err(error) = ended.map_err(Error::Slot).flatten() {
                leaving.cancel();
                if result.is_ok() {
                    result = Err(error);
                }
            }
        }
        result
    }

    fn slot(&self, number: usize, leaving: CancellationToken) -> Slot {
        let name = if self.slots > 1 {
            format!("{}-{number}", self.name)
        } else {
            self.name.clone()
        };
        Slot {
            name,
            orchestrator: self.orchestrator.clone(),
            options: self.options,
            trainer: self.trainer.clone(),
            verdict_wait: self.verdict_wait,
            once: self.once,
            leaving,
        }
    }
}
