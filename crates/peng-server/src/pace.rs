//! How fast a peer may go on, and all of them: buckets that fill as time passes.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use crate::{known::Known, sync::lock};

/// Whose bucket is empty, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TooFast {
    /// The peer's own.
    Peer(Duration),
    /// That of all peers.
    All(Duration),
}

impl TooFast {
    /// How long to wait.
    pub(crate) const fn wait(self) -> Duration {
        match self {
            Self::Peer(wait) | Self::All(wait) => wait,
        }
    }
}

/// One peer's bucket, and that of all.
#[derive(Debug)]
pub(crate) struct Pace {
    own: Bucket,
    all: Arc<Bucket>,
}

impl Pace {
    /// Takes one of each, or says how long to wait for it.
    pub(crate) fn take(&self, now: Instant) -> Result<(), TooFast> {
        self.own.take(now).map_err(TooFast::Peer)?;
        self.all.take(now).map_err(|wait| {
            self.own.put_back();
            TooFast::All(wait)
        })
    }
}

/// Holds what may be sent in a second, so that a pause is made up for by at most that.
#[derive(Debug)]
struct Bucket {
    per_second: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    left: f64,
    at: Instant,
}

impl Bucket {
    /// A full bucket; `per_second` is at least 1.
    #[allow(clippy::cast_precision_loss)] // far below 2^52
    fn new(per_second: usize, now: Instant) -> Self {
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
    fn take(&self, now: Instant) -> Result<(), Duration> {
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

    /// Takes the last one back.
    fn put_back(&self) {
        let mut state = lock(&self.state);
        state.left = (state.left + 1.0).min(self.per_second);
    }
}

/// The buckets of all peers that are connected.
#[derive(Debug)]
pub(crate) struct Paces {
    per_second: usize,
    all: Arc<Bucket>,
    known: Known<Pace>,
}

impl Paces {
    /// None yet; each peer may take `per_second`, and all together `all`.
    pub(crate) fn new(per_second: usize, all: usize) -> Arc<Self> {
        Arc::new(Self {
            per_second,
            all: Arc::new(Bucket::new(all, Instant::now())),
            known: Known::default(),
        })
    }

    /// The bucket of a peer, the same for all of its connections.
    pub(crate) fn of(&self, peer: IpAddr) -> Arc<Pace> {
        self.known.of(peer, || Pace {
            own: Bucket::new(self.per_second, Instant::now()),
            all: self.all.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holds_what_it_may_and_a_pause_is_made_up_for_once() {
        let begin = Instant::now();
        let pace = Bucket::new(10, begin);
        let taken = |at| (0..100).take_while(|_| pace.take(at).is_ok()).count();
        assert_eq!(taken(begin), 10);
        assert_eq!(pace.take(begin).unwrap_err(), Duration::from_millis(100));
        assert_eq!(taken(begin + Duration::from_millis(500)), 5);
        assert_eq!(taken(begin + Duration::from_hours(1)), 10);
        // A clock that goes back gives nothing and takes nothing.
        assert_eq!(taken(begin), 0);
    }

    #[test]
    fn what_all_are_out_of_costs_a_peer_nothing() {
        let paces = Paces::new(10, 15);
        let peers = [1, 2].map(|last| paces.of(IpAddr::from([10, 0, 0, last])));
        let now = Instant::now();
        let taken = |peer: &Pace, at| (0..100).take_while(|_| peer.take(at).is_ok()).count();
        assert_eq!(taken(&peers[0], now), 10);
        assert!(matches!(peers[0].take(now), Err(TooFast::Peer(_))));
        assert_eq!(taken(&peers[1], now), 5);
        assert!(matches!(peers[1].take(now), Err(TooFast::All(_))));
        // The second has five left of its own, beside the four that come in; there is room for six.
        let later = now + Duration::from_millis(400);
        assert_eq!(taken(&peers[1], later), 6);
        let own = (0..100).take_while(|_| peers[1].own.take(later).is_ok());
        assert_eq!(own.count(), 3);
    }
}
