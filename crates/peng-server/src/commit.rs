//! Group commit: writes that arrive while the disk is busy share the next commit.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use peng_proto::error::{Error, Reason};
use peng_store::{Trials, Write, Written};
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, error};

use crate::{Limits, notices::Notices};

/// Set once a write of a session has failed: what the session decides from then
/// on rests on an observation that is not on disk, so none of it is written.
pub(crate) type Spoiled = Arc<AtomicBool>;

/// A write on its way to the disk.
#[derive(Debug)]
struct Request {
    /// `None` waits for the writes before it.
    write: Option<Write>,
    spoiled: Option<Spoiled>,
    done: oneshot::Sender<Result<Option<Written>, Error>>,
}

/// Hands writes to the one task that commits.
#[derive(Debug, Clone)]
pub(crate) struct Committer {
    queue: mpsc::Sender<Request>,
}

/// A place in the queue. Taking it may wait; using it does not, so a session can
/// queue its writes in the order of its decisions while it is locked.
#[derive(Debug)]
pub(crate) struct Place(mpsc::OwnedPermit<Request>);

/// A queued write.
#[derive(Debug)]
pub(crate) struct Ticket(oneshot::Receiver<Result<Option<Written>, Error>>);

fn leaving() -> Error {
    Error::new(
        Reason::ShuttingDown,
        "the server is shutting down; try again",
    )
}

impl Committer {
    /// Starts the task that commits; it ends when every committer is dropped and
    /// the queue is empty. Should it be cut short, only what was not acknowledged
    /// is lost.
    pub(crate) fn start(store: Arc<dyn Trials>, notices: Arc<Notices>, limits: Limits) -> Self {
        let (queue, requests) = mpsc::channel(limits.commit_queue);
        tokio::spawn(run(store, notices, requests, limits.commit_size));
        Self { queue }
    }

    /// Waits for a place in the queue.
    pub(crate) async fn place(&self) -> Result<Place, Error> {
        let permit = self.queue.clone().reserve_owned().await;
        permit.map(Place).map_err(|_| leaving())
    }
}

impl Place {
    /// Queues a write of a session.
    pub(crate) fn write(self, write: Write, spoiled: Option<Spoiled>) -> Ticket {
        self.send(Some(write), spoiled)
    }

    /// Queues nothing: the ticket is done when all that was queued before is.
    pub(crate) fn barrier(self, spoiled: Spoiled) -> Ticket {
        self.send(None, Some(spoiled))
    }

    fn send(self, write: Option<Write>, spoiled: Option<Spoiled>) -> Ticket {
        let (done, ticket) = oneshot::channel();
        self.0.send(Request {
            write,
            spoiled,
            done,
        });
        Ticket(ticket)
    }
}

impl Ticket {
    /// Waits until the write is on disk; `None` of a barrier.
    pub(crate) async fn durable(self) -> Result<Option<Written>, Error> {
        self.0.await.unwrap_or_else(|_| Err(leaving()))
    }
}

async fn run(
    store: Arc<dyn Trials>,
    notices: Arc<Notices>,
    mut requests: mpsc::Receiver<Request>,
    size: usize,
) {
    let mut batch = Vec::with_capacity(size);
    while requests.recv_many(&mut batch, size).await > 0 {
        commit(&*store, &notices, batch.drain(..)).await;
    }
}

async fn commit(store: &dyn Trials, notices: &Notices, batch: impl Iterator<Item = Request>) {
    let (mut writes, mut waiting, mut barriers) = (Vec::new(), Vec::new(), Vec::new());
    for request in batch {
        let spoiled = request.spoiled.as_deref();
        if spoiled.is_some_and(|flag| flag.load(Ordering::Acquire)) {
            answer(request.done, Err(unavailable()));
        } else if let Some(write) = request.write {
            writes.push(write);
            waiting.push((request.spoiled, request.done));
        } else {
            barriers.push((request.spoiled, request.done));
        }
    }
    let result = match writes.as_slice() {
        [] => Ok(Vec::new()),
        some => store.commit(some, SystemTime::now()).await,
    };
    match result {
        Ok(written) => {
            debug!(writes = writes.len(), "committed");
            for (write, written) in writes.iter().zip(&written) {
                if let Written::At(seq) = written {
                    notices.publish(write.experiment(), *seq);
                }
            }
            for ((_, done), written) in waiting.into_iter().zip(written) {
                answer(done, Ok(Some(written)));
            }
        }
        Err(failure) => {
            error!(
                error = &failure as &dyn std::error::Error,
                writes = writes.len(),
                "a commit failed; nothing of it was acknowledged"
            );
            for (spoiled, done) in waiting {
                if let Some(flag) = spoiled {
                    flag.store(true, Ordering::Release);
                }
                answer(done, Err(unavailable()));
            }
        }
    }
    for (spoiled, done) in barriers {
        let lost = spoiled.is_some_and(|flag| flag.load(Ordering::Acquire));
        answer(done, if lost { Err(unavailable()) } else { Ok(None) });
    }
}

fn unavailable() -> Error {
    Error::new(
        Reason::StorageUnavailable,
        "the storage does not answer; nothing was stored; try again",
    )
}

/// A client that left no longer wants the answer.
fn answer(
    done: oneshot::Sender<Result<Option<Written>, Error>>,
    result: Result<Option<Written>, Error>,
) {
    drop(done.send(result));
}
