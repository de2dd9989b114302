//! How fast a peer may go on: a bucket that fills as time passes.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, Weak},
    time::{Duration, Instant},
};

use crate::experiments::lock;

/// One peer's bucket. It holds what may be sent in a second, so that a pause is made up for by
/// at most that.
#[derive(Debug)]
pub(crate) struct Pace {
    per_second: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    left: f64,
    at: Instant,
}

impl Pace {
    /// A full bucket; `per_second` is at least 1.
    #[allow(clippy::cast_precision_loss)] // far below 2^52
    pub(crate) fn new(per_second: usize, now: Instant) -> Self {
        let per_second = per_second as f64;
        Self {
            per_second,
            state: Mutex::new(State {
                left: per_second,
                at: now,
            }),
        }
    }

    /// Takes one, or says how long to wait for it.
    pub(crate) fn take(&self, now: Instant) -> Result<(), Duration> {
        let mut state = lock(&self.state);
        let passed = now.saturating_duration_since(state.at).as_secs_f64();
        state.left = (state.left + passed * self.per_second).min(self.per_second);
        state.at = state.at.max(now);
        if state.left < 1.0 {
            return Err(Duration::from_secs_f64(
                (1.0 - state.left) / self.per_second,
            ));
        }
        state.left -= 1.0;
        Ok(())
    }
}

/// The buckets of all peers that are connected.
#[derive(Debug)]
pub(crate) struct Paces {
    per_second: usize,
    known: Mutex<HashMap<IpAddr, Weak<Pace>>>,
}

impl Paces {
    /// None yet; each peer may take `per_second`.
    pub(crate) fn new(per_second: usize) -> Arc<Self> {
        Arc::new(Self {
            per_second,
            known: Mutex::default(),
        })
    }

    /// The bucket of a peer, the same for all of its connections.
    pub(crate) fn of(&self, peer: IpAddr) -> Arc<Pace> {
        let mut known = lock(&self.known);
        if let Some(pace) = known.get(&peer).and_then(Weak::upgrade) {
            return pace;
        }
        // As many as it may grow by without a look at the dead.
        if known.len() == known.capacity() {
            known.retain(|_, pace| pace.strong_count() > 0);
        }
        let pace = Arc::new(Pace::new(self.per_second, Instant::now()));
        known.insert(peer, Arc::downgrade(&pace));
        pace
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holds_what_it_may_and_a_pause_is_made_up_for_once() {
        let begin = Instant::now();
        let pace = Pace::new(10, begin);
        let taken = |at| (0..100).take_while(|_| pace.take(at).is_ok()).count();
        assert_eq!(taken(begin), 10);
        assert_eq!(pace.take(begin).unwrap_err(), Duration::from_millis(100));
        assert_eq!(taken(begin + Duration::from_millis(500)), 5);
        assert_eq!(taken(begin + Duration::from_hours(1)), 10);
        // A clock that goes back gives nothing and takes nothing.
        assert_eq!(taken(begin), 0);
    }
}
