//! What is kept of each peer for as long as it is connected.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, Weak},
};

use crate::sync::lock;

/// One of something for each peer that is connected.
#[derive(Debug)]
pub(crate) struct Known<T>(Mutex<HashMap<IpAddr, Weak<T>>>);

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Known<T> {
    /// That of a peer, the same for all of its connections.
    pub(crate) fn of(&self, peer: IpAddr, new: impl FnOnce() -> T) -> Arc<T> {
        let mut known = lock(&self.0);
        if let Some(found) = known.get(&peer).and_then(Weak::upgrade) {
            return found;
        }
        // As many as it may grow by without a look at the dead.
        if known.len() == known.capacity() {
            known.retain(|_, found| found.strong_count() > 0);
        }
        let new = Arc::new(new());
        known.insert(peer, Arc::downgrade(&new));
        new
    }
}

/// Whom an address belongs to: an IPv6 network is handed out by 64 bits (RFC 6177), so that each of
/// its addresses for itself would be no limit to anyone.
pub(crate) fn peer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from(network))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_of_one_network_are_one_peer() {
        for (address, belongs_to) in [
            ("10.0.0.1", "10.0.0.1"),
            ("::ffff:10.0.0.1", "10.0.0.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2::7", "2001:db8:1:2::"),
            ("2001:db8:1:3::7", "2001:db8:1:3::"),
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(peer(address), belongs_to.parse::<IpAddr>().unwrap());
        }
    }

    #[test]
    fn a_peer_that_left_is_forgotten() {
        let known = Known::default();
        let first = known.of(IpAddr::from([10, 0, 0, 1]), || 1);
        assert_eq!(*known.of(IpAddr::from([10, 0, 0, 1]), || 2), 1);
        drop(first);
        for last in 2..200 {
            known.of(IpAddr::from([10, 0, 0, last]), || 3);
        }
        assert!(lock(&known.0).len() < 50);
        assert_eq!(*known.of(IpAddr::from([10, 0, 0, 1]), || 4), 4);
    }
}
