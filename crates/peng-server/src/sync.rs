//! Locks that outlive a panic, and work that outlives whoever waits for it.

use std::{
    panic::resume_unwind,
    sync::{Mutex, MutexGuard, PoisonError},
};

use peng_proto::error::{Error, Reason};
use tracing::Instrument;

/// The guard of `mutex`, also where a thread panicked while it held one: what is guarded here is
/// whole after every statement.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does `work` in a task of its own.
///
/// The stream of an answer is only polled while its client reads. What takes a connection to the
/// storage, a place in a queue or a lock meanwhile would keep it from everyone else.
pub(crate) async fn apart<T, E>(
    work: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    match tokio::spawn(work.in_current_span()).await {
        Ok(done) => done,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime ends.
            Err(_) => Err(Error::new(Reason::ShuttingDown, "the server is shutting down").into()),
        },
    }
}
