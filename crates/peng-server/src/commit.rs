//! Group commit: writes that arrive while the disk is busy share the next commit.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use peng_predict::Epoch;
use peng_proto::error::{Error, Reason};
use peng_store::{Trials, Write, Written};
use tokio::{
    sync::{
        mpsc::{self, error::TrySendError},
        oneshot,
    },
    task::yield_now,
    time::timeout,
};
use tracing::{debug, error};

use crate::{Limits, metrics::Metrics, notices::Notices, storage};

/// Set once a write of a session was refused or has failed: what the session
/// decides from then on rests on what is not in the log, so none of it is written.
pub(crate) type Spoiled = Arc<AtomicBool>;

/// The session that writes are of; each has a clone until it is on disk or lost.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    spoiled: Spoiled,
    /// Where the training is to end.
    target: Epoch,
    under_way: Arc<()>,
}

impl Origin {
    /// Without writes.
    pub(crate) fn new(spoiled: Spoiled, target: Epoch) -> Self {
        Self {
            spoiled,
            target,
            under_way: Arc::default(),
        }
    }

    pub(crate) fn is_spoiled(&self) -> bool {
        self.spoiled.load(Ordering::Acquire)
    }

    pub(crate) fn spoil(&self) {
        self.spoiled.store(true, Ordering::Release);
    }

    /// Whether one of them is under way, asked of the session's own.
    pub(crate) fn has_writes(&self) -> bool {
        Arc::strong_count(&self.under_way) > 1
    }
}

/// Why a write is not on disk.
#[derive(Debug)]
pub(crate) enum Lost {
    /// It was decided on what is not the log, or no longer all of it: to be
    /// decided anew on the log.
    Stale,
    /// The client has to try again.
    Failed(Error),
}

impl Lost {
    /// What a client is told that is not to wait any longer.
    pub(crate) fn give_up(self) -> Error {
        match self {
            Self::Failed(error) => error,
            Self::Stale => Error::new(
                Reason::StorageUnavailable,
                "other servers write to the same log all the time; nothing was stored; try again",
            ),
        }
    }
}

impl From<Error> for Lost {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// A write on its way to the disk.
#[derive(Debug)]
struct Request {
    write: Write,
    origin: Option<Origin>,
    done: oneshot::Sender<Result<Written, Lost>>,
}

/// Hands writes to the one task that commits.
#[derive(Debug, Clone)]
pub(crate) struct Committer {
    queue: mpsc::Sender<Request>,
    /// How long a place is waited for.
    patience: Duration,
}

/// A place in the queue. Taking it may wait; using it does not, so a session can
/// queue its writes in the order of its decisions while it is locked.
#[derive(Debug)]
pub(crate) struct Place(mpsc::OwnedPermit<Request>);

/// A queued write.
#[derive(Debug)]
pub(crate) struct Ticket(oneshot::Receiver<Result<Written, Lost>>);

fn leaving() -> Error {
    Error::new(
        Reason::ShuttingDown,
        "the server is shutting down; try again",
    )
}

fn overloaded(waited: Duration) -> Error {
    let waited = waited.as_millis();
    Error::new(
        Reason::Overloaded,
        format!(
            "limits.commit_queue writes wait for the storage, and none of them got through in \
             {waited} ms (limits.queue_millis); nothing was stored; try again later"
        ),
    )
}

impl Committer {
    /// Starts the task that commits; it ends when every committer is dropped and
    /// the queue is empty. Should it be cut short, only what was not acknowledged
    /// is lost.
    pub(crate) fn start(
        store: Arc<dyn Trials>,
        notices: Arc<Notices>,
        limits: Limits,
        metrics: Arc<Metrics>,
    ) -> Self {
        let (queue, requests) = mpsc::channel(limits.commit_queue);
        // Weak: the task ends with the last who can queue.
        let taken = queue.downgrade();
        metrics.watch_queue(move || {
            let queue = taken.upgrade();
            queue.map_or(0, |queue| queue.max_capacity() - queue.capacity())
        });
        tokio::spawn(run(store, notices, requests, limits.commit_size, metrics));
        Self {
            queue,
            patience: limits.queue_wait(),
        }
    }

    /// Whether there is a place in the queue.
    pub(crate) fn has_room(&self) -> bool {
        self.queue.capacity() > 0
    }

    /// Waits for a place in the queue, but not for ever: then more comes in than the
    /// storage takes, and who asks is told to come back.
    pub(crate) async fn place(&self) -> Result<Place, Error> {
        let permit = match self.queue.clone().try_reserve_owned() {
            Ok(permit) => permit,
            Err(TrySendError::Closed(_)) => return Err(leaving()),
            Err(TrySendError::Full(queue)) => {
                let place = timeout(self.patience, queue.reserve_owned()).await;
                let place = place.map_err(|_| overloaded(self.patience))?;
                place.map_err(|_| leaving())?
            }
        };
        Ok(Place(permit))
    }
}

impl Place {
    /// Queues a write, of a session or of nobody's.
    pub(crate) fn write(self, write: Write, origin: Option<Origin>) -> Ticket {
        let (done, ticket) = oneshot::channel();
        self.0.send(Request {
            write,
            origin,
            done,
        });
        Ticket(ticket)
    }
}

impl Ticket {
    /// Of what is on disk already.
    pub(crate) fn done(written: Written) -> Self {
        let (done, ticket) = oneshot::channel();
        answer(done, Ok(written));
        Self(ticket)
    }

    /// Waits until the write is on disk.
    pub(crate) async fn durable(self) -> Result<Written, Lost> {
        self.0.await.unwrap_or_else(|_| Err(leaving().into()))
    }
}

async fn run(
    store: Arc<dyn Trials>,
    notices: Arc<Notices>,
    mut requests: mpsc::Receiver<Request>,
    size: usize,
    metrics: Arc<Metrics>,
) {
    let mut batch = Vec::with_capacity(size);
    while requests.recv_many(&mut batch, size).await > 0 {
        gather(&mut requests, &mut batch, size).await;
        commit(&*store, &notices, &metrics, batch.drain(..)).await;
    }
}

/// Lets everyone who can go on do so first, as long as that brings more writes: whose last write
/// was in the commit before is about to send the next. Where nobody else has anything to do, this
/// takes no time.
async fn gather<T>(requests: &mut mpsc::Receiver<T>, batch: &mut Vec<T>, size: usize) {
    loop {
        let known = batch.len();
        yield_now().await;
        while batch.len() < size
            && let Ok(request) = requests.try_recv()
        {
            batch.push(request);
        }
        if batch.len() == known || batch.len() == size {
            return;
        }
    }
}

async fn commit(
    store: &dyn Trials,
    notices: &Notices,
    metrics: &Metrics,
    batch: impl Iterator<Item = Request>,
) {
    let (mut writes, mut waiting) = (Vec::new(), Vec::new());
    for request in batch {
        if request.origin.as_ref().is_some_and(Origin::is_spoiled) {
            answer(request.done, Err(Lost::Stale));
        } else {
            writes.push(request.write);
            waiting.push((request.origin, request.done));
        }
    }
    if writes.is_empty() {
        return;
    }
    let began = Instant::now();
    match store.commit(&writes, SystemTime::now()).await {
        Ok(written) => {
            metrics.committed(writes.len(), began.elapsed());
            debug!(writes = writes.len(), "committed");
            for (write, written) in writes.iter().zip(&written) {
                if let Some(seq) = written.seq() {
                    notices.publish(write.experiment(), seq);
                }
            }
            for (((origin, done), written), write) in waiting.into_iter().zip(written).zip(&writes)
            {
                if let (Some(origin), Written::At(_)) = (&origin, written) {
                    count(metrics, write, origin.target);
                }
                if written == Written::Stale {
                    spoil(origin);
                    answer(done, Err(Lost::Stale));
                } else {
                    answer(done, Ok(written));
                }
            }
        }
        Err(failure) => {
            let refusal = storage::refusal(failure);
            error!(
                writes = writes.len(),
                "a commit failed; nothing of it was acknowledged"
            );
            // Marked before anyone hears of it: who asks again is not to find the session.
            let (origins, waiting): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
            origins.into_iter().for_each(spoil);
            for done in waiting {
                answer(done, Err(refusal.clone().into()));
            }
        }
    }
}

fn spoil(origin: Option<Origin>) {
    if let Some(origin) = origin {
        origin.spoil();
    }
}

/// Counts a decision that is on disk.
fn count(metrics: &Metrics, write: &Write, target: Epoch) {
    if let Write::Observe { logged, enters, .. } = write {
        let epoch = logged.observation.epoch.get();
        metrics.logged(&logged.decision, enters.is_some(), epoch, target.get());
    }
}

/// A client that left no longer wants the answer.
fn answer(done: oneshot::Sender<Result<Written, Lost>>, result: Result<Written, Lost>) {
    drop(done.send(result));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_all_who_can_go_on_write_is_one_batch_up_to_its_size() {
        let (queue, mut requests) = mpsc::channel(100);
        for writer in 0..10 {
            let queue = queue.clone();
            tokio::spawn(async move { queue.send(writer).await });
        }
        let mut batch = vec![100];
        gather(&mut requests, &mut batch, 8).await;
        assert_eq!(batch, [100, 0, 1, 2, 3, 4, 5, 6]);
        batch.clear();
        requests.recv_many(&mut batch, 1).await;
        gather(&mut requests, &mut batch, 8).await;
        assert_eq!(batch, [7, 8, 9]);
    }
}
