//! How much each peer has at once: connections, or calls.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex},
};

use crate::sync::lock;

/// Counts what peers hold, up to a limit for each and one for all.
#[derive(Debug)]
pub(crate) struct Peers {
    each: usize,
    all: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    by_peer: HashMap<IpAddr, usize>,
    all: usize,
}

/// Which limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// The peer has as many as a peer may have.
    Peer(usize),
    /// All peers together have as many as there may be.
    All(usize),
}

/// One of what is counted; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    peers: Arc<Peers>,
    peer: IpAddr,
}

impl Peers {
    /// At most `each` of a peer and `all` of all.
    pub(crate) fn new(each: usize, all: usize) -> Arc<Self> {
        Arc::new(Self {
            each,
            all,
            held: Mutex::default(),
        })
    }

    /// One more of `peer`.
    pub(crate) fn enter(self: &Arc<Self>, peer: IpAddr) -> Result<Slot, Full> {
        let mut held = lock(&self.held);
        if held.all >= self.all {
            return Err(Full::All(self.all));
        }
        let own = held.by_peer.entry(peer).or_default();
        if *own >= self.each {
            return Err(Full::Peer(self.each));
        }
        *own += 1;
        held.all += 1;
        Ok(Slot {
            peers: self.clone(),
            peer,
        })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut held = lock(&self.peers.held);
        held.all -= 1;
        if let Some(own) = held.by_peer.get_mut(&self.peer) {
            *own -= 1;
            if *own == 0 {
                held.by_peer.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const fn ip(last: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, last))
    }

    #[test]
    fn a_peer_has_at_most_its_share_and_all_together_theirs() {
        let peers = Peers::new(2, 3);
        let first = [peers.enter(ip(1)).unwrap(), peers.enter(ip(1)).unwrap()];
        assert_eq!(peers.enter(ip(1)).unwrap_err(), Full::Peer(2));
        let _other = peers.enter(ip(2)).unwrap();
        assert_eq!(peers.enter(ip(2)).unwrap_err(), Full::All(3));
        drop(first);
        assert!(peers.enter(ip(1)).is_ok());
    }

    #[test]
    fn a_peer_that_left_leaves_nothing_behind() {
        let peers = Peers::new(2, 3);
        drop(peers.enter(ip(1)).unwrap());
        assert!(lock(&peers.held).by_peer.is_empty());
        assert_eq!(lock(&peers.held).all, 0);
    }
}
