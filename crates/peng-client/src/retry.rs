//! What may be tried again, and when.

use std::{
    error::Error as _,
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use peng_proto::error::reason_of;
use tokio::time::{Instant, sleep};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::{Error, error::explain};

/// With which try that failed people are told, who may have the wrong address: after a second or two
/// of [`Backoff::default`], and not for each gap in the network.
const TOLD: u32 = 5;

/// Growing waits between tries, with full jitter (Brooker, "Exponential
/// backoff and jitter", AWS 2015).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    /// The longest first wait.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(100),
            longest: Duration::from_secs(3),
        }
    }
}

impl Backoff {
    /// The wait before try `tries` + 1, where `chance` is drawn from [0, 1).
    /// Never below a tenth of its longest, so that no loop spins.
    pub fn wait(&self, tries: u32, chance: f64) -> Duration {
        let doubled = self
            .first
            .saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1)));
        doubled
            .min(self.longest)
            .mul_f64(0.1 + 0.9 * chance.clamp(0.0, 1.0))
    }
}

/// Whether the same call may succeed later: the server is not there, leaves,
/// does not answer in time, or the connection broke before its answer.
pub fn is_transient(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable | Code::DeadlineExceeded => true,
        // Of a bound only where the server says that it passes.
        Code::ResourceExhausted => status.get_details_retry_info().is_some(),
        // A status that the transport made up has a source; a stream that was
        // cut off has neither a source nor a reason.
        Code::Unknown => status.source().is_some() || reason_of(status).is_none(),
        Code::Cancelled | Code::Internal => status.source().is_some(),
        _ => false,
    }
}

/// The tries of one call, from its first failure to its success.
#[derive(Debug)]
pub(crate) struct Tries {
    call: &'static str,
    backoff: Backoff,
    patience: Duration,
    failed: Option<Instant>,
    count: u32,
}

impl Tries {
    pub(crate) fn new(call: &'static str, backoff: Backoff, patience: Duration) -> Self {
        Self {
            call,
            backoff,
            patience,
            failed: None,
            count: 0,
        }
    }

    /// Waits until the call may be tried again, or says why it may not.
    pub(crate) async fn failed(&mut self, status: Status) -> Result<(), Error> {
        if !is_transient(&status) {
            return Err(Error::Status {
                call: self.call,
                status: Box::new(status),
            });
        }
        let now = Instant::now();
        let since = *self.failed.get_or_insert(now);
        self.count += 1;
        let asked = status
            .get_details_retry_info()
            .and_then(|info| info.retry_delay);
        let wait = self.backoff.wait(self.count, chance());
        let wait = asked.map_or(wait, |asked| asked.saturating_add(wait));
        let waited = now - since;
        if waited.saturating_add(wait) > self.patience {
            return Err(Error::GaveUp {
                call: self.call,
                waited,
                status: Box::new(status),
            });
        }
        tracing::debug!(
            call = self.call,
            code = ?status.code(),
            message = status.message(),
            wait_ms = wait.as_secs_f64() * 1e3,
            "tries again"
        );
        if self.count == TOLD {
            let (call, error, patience) = (self.call, explain(&status), self.patience);
            tracing::warn!(call, error, ?patience, "no answer so far; goes on trying");
        }
        sleep(wait).await;
        Ok(())
    }

    /// The call succeeded.
    pub(crate) fn succeeded(&mut self) {
        if let Some(since) = self.failed.take() {
            tracing::info!(call = self.call, tries = self.count, outage = ?since.elapsed(), "answers again");
        }
        self.count = 0;
    }
}

/// A number in [0, 1) for [`Backoff::wait`], from the randomness that the standard library seeds
/// its hash maps with: enough to keep clients from trying in step.
pub fn chance() -> f64 {
    let bits = RandomState::new().hash_one(0) >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use peng_proto::error::{Error as WireError, Reason};

    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_never_vanish() {
        let backoff = Backoff {
            first: Duration::from_millis(100),
            longest: Duration::from_secs(1),
        };
        let longest: Vec<_> = (1..=6)
            .map(|tries| backoff.wait(tries, 1.0).as_millis())
            .collect();
        assert_eq!(longest, [100, 200, 400, 800, 1000, 1000]);
        assert_eq!(backoff.wait(1, 0.0), Duration::from_millis(10));
        assert_eq!(backoff.wait(u32::MAX, 0.0), Duration::from_millis(100));
    }

    #[test]
    fn chance_is_a_share_and_varies() {
        let drawn: Vec<_> = (0..50).map(|_| chance()).collect();
        assert!(drawn.iter().all(|c| (0.0..1.0).contains(c)));
        assert!(drawn.windows(2).any(|pair| pair[0] < pair[1]));
        assert!(drawn.windows(2).any(|pair| pair[0] > pair[1]));
    }

    #[test]
    fn what_the_server_refuses_is_final() {
        let of = |reason| Status::from(WireError::new(reason, "no"));
        for reason in [
            Reason::InvalidField,
            Reason::NotFound,
            Reason::EpochTaken,
            Reason::LeaseLost,
            Reason::Internal,
            Reason::TooManyObservations,
        ] {
            assert!(!is_transient(&of(reason)), "{reason:?}");
        }
        for reason in [Reason::StorageUnavailable, Reason::ShuttingDown] {
            assert!(is_transient(&of(reason)), "{reason:?}");
        }
        assert!(is_transient(&Status::deadline_exceeded("slow")));
        assert!(!is_transient(&Status::cancelled("by hand")));
    }
}
