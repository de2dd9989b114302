//! Locks that outlive a panic, and work that outlives whoever waits for it.

use std::{
    panic::resume_unwind,
    sync::{Mutex, MutexGuard, PoisonError, TryLockError},
};

use peng_proto::error::{Error, Reason};
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    task::block_in_place,
};
use tracing::Instrument;

/// The guard of `mutex`, also where a thread panicked while it held one: what is guarded here is
/// whole after every statement.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// As [`lock`], of what may be held for as long as a decision takes: the other tasks of this thread
/// go on in another meanwhile.
pub(crate) fn lock_long<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    match mutex.try_lock() {
        Ok(guard) => guard,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        Err(TryLockError::WouldBlock) => aside(|| lock(mutex)),
    }
}

/// Does what takes long, or waits for that, while the other tasks of this thread go on in another,
/// where there are several.
pub(crate) fn aside<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => block_in_place(work),
        _ => work(),
    }
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

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread, time::Duration};

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn who_waits_for_a_decision_keeps_no_other_task_from_going_on() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        let mutex = std::sync::Arc::new(Mutex::new(()));
        let (went_on, heard) = mpsc::channel();
        let guard = mutex.lock().unwrap();
        let waits = {
            let mutex = mutex.clone();
            let (begins, began) = mpsc::channel();
            let waits = runtime.spawn(async move {
                begins.send(()).unwrap();
                drop(lock_long(&mutex));
            });
            began.recv_timeout(LONG).unwrap();
            waits
        };
        // The only thread of the runtime waits for the lock by now, or is about to.
        runtime.spawn(async move { went_on.send(thread::current().id()) });
        heard.recv_timeout(LONG).unwrap();
        drop(guard);
        runtime.block_on(waits).unwrap();
    }
}
