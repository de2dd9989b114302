//! Answers on their way to the disk.

use peng_proto::error::Error;

use crate::commit::{Lost, Ticket};

/// An answer that is yet to be durable.
#[derive(Debug)]
pub(crate) struct Pending<T> {
    pub(crate) value: T,
    pub(crate) ticket: Ticket,
}

impl<T> Pending<T> {
    /// Waits until it may be sent.
    pub(crate) async fn durable(self) -> Result<T, Lost> {
        self.ticket.durable().await?;
        Ok(self.value)
    }
}

/// Tries until the answer rests on the log as it is when it is written. Of the
/// servers that write to a log at a time one succeeds, so that the others' tries
/// are bounded only to keep a call from waiting without end.
pub(crate) async fn settle<T, A>(attempt: impl Fn() -> A) -> Result<T, Error>
where
    A: Future<Output = Result<Pending<T>, Lost>>,
{
    const TRIES: usize = 32;
    let mut tries = 0;
    loop {
        let done = match attempt().await {
            Ok(pending) => pending.durable().await,
            Err(lost) => Err(lost),
        };
        tries += 1;
        match done {
            Ok(value) => return Ok(value),
            Err(Lost::Stale) if tries < TRIES => {}
            Err(lost) => return Err(lost.give_up()),
        }
    }
}
