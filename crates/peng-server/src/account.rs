//! What peers make the server hold in memory: so many bytes each, and so many all together.

use std::{net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use peng_proto::error::{Error, Reason};
use prometheus_client::metrics::gauge::Gauge;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::{Limits, known::Known};

/// What is counted in.
const UNIT: u32 = 1_024;

/// Bytes, in units.
#[derive(Debug)]
struct Pool {
    units: Arc<Semaphore>,
    size: u32,
}

impl Pool {
    fn new(bytes: usize) -> Self {
        let most = Semaphore::MAX_PERMITS.min(u32::MAX as usize);
        let size = bytes.div_ceil(UNIT as usize).clamp(1, most);
        Self {
            units: Arc::new(Semaphore::new(size)),
            size: u32::try_from(size).unwrap_or(u32::MAX),
        }
    }
}

/// What one peer makes the server hold beside the little that every call may.
#[derive(Debug)]
pub(crate) struct Account {
    own: Pool,
    all: Arc<Pool>,
    patience: Duration,
    gauge: Gauge,
}

/// Bytes that are held; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    /// Of what a call may have on nobody's account.
    _free: Option<OwnedSemaphorePermit>,
    _counted: Option<Counted>,
}

impl Held {
    const fn free(free: OwnedSemaphorePermit) -> Self {
        Self {
            _free: Some(free),
            _counted: None,
        }
    }
}

/// Bytes on a peer's account.
#[derive(Debug)]
struct Counted {
    _own: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
    bytes: i64,
    gauge: Gauge,
}

/// What one call may hold: a little that it always has, so that it goes on whatever others of the
/// peer hold, and what there is room for on the account.
#[derive(Debug)]
pub(crate) struct Allowance {
    free: Arc<Semaphore>,
    size: u32,
    account: Arc<Account>,
}

impl Allowance {
    /// With so many bytes that are free.
    pub(crate) fn new(free: u32, account: Arc<Account>) -> Self {
        Self {
            free: Arc::new(Semaphore::new(free as usize)),
            size: free,
            account,
        }
    }

    fn bytes(&self, bytes: usize) -> u32 {
        u32::try_from(bytes).unwrap_or(u32::MAX).min(self.size)
    }

    /// Holds so many bytes if there is room for them now; more than are free at all if none of
    /// those is in use.
    pub(crate) fn try_hold(&self, bytes: usize) -> Option<Held> {
        let free = self.free.clone();
        match free.try_acquire_many_owned(self.bytes(bytes)) {
            Ok(free) => Some(Held::free(free)),
            Err(_) => self.account.try_hold(bytes),
        }
    }

    /// As [`Self::try_hold`] once there is room for them; `None` is never.
    pub(crate) async fn hold(&self, bytes: usize) -> Option<Held> {
        if let Some(held) = self.try_hold(bytes) {
            return Some(held);
        }
        let free = self.free.clone();
        tokio::select! {
            free = free.acquire_many_owned(self.bytes(bytes)) => free.ok().map(Held::free),
            held = self.account.hold(bytes) => held,
        }
    }
}

impl Account {
    /// What is larger than everything that may be held counts as all of it.
    fn units(&self, bytes: usize) -> u32 {
        let units = u32::try_from(bytes.div_ceil(UNIT as usize)).unwrap_or(u32::MAX);
        units.min(self.own.size).min(self.all.size)
    }

    fn held(&self, own: OwnedSemaphorePermit, all: OwnedSemaphorePermit, units: u32) -> Held {
        let bytes = i64::from(units) * i64::from(UNIT);
        self.gauge.inc_by(bytes);
        let counted = Counted {
            _own: own,
            _all: all,
            bytes,
            gauge: self.gauge.clone(),
        };
        Held {
            _free: None,
            _counted: Some(counted),
        }
    }

    /// Holds so many bytes if there is room for them now.
    pub(crate) fn try_hold(&self, bytes: usize) -> Option<Held> {
        let units = self.units(bytes);
        let own = self.own.units.clone().try_acquire_many_owned(units).ok()?;
        let all = self.all.units.clone().try_acquire_many_owned(units).ok()?;
        Some(self.held(own, all, units))
    }

    /// Holds so many bytes once there is room for them.
    pub(crate) async fn hold(&self, bytes: usize) -> Option<Held> {
        let units = self.units(bytes);
        let own = self.own.units.clone().acquire_many_owned(units).await;
        let all = self.all.units.clone().acquire_many_owned(units).await;
        // They are never closed.
        Some(self.held(own.ok()?, all.ok()?, units))
    }

    /// Holds so many bytes once there is room for them, which is not waited for without end.
    pub(crate) async fn hold_soon(&self, bytes: usize) -> Result<Held, Error> {
        let held = timeout(self.patience, self.hold(bytes)).await;
        held.ok().flatten().ok_or_else(too_many)
    }
}

/// There is no room for what a call needs.
pub(crate) fn too_many() -> Error {
    Error::new(
        Reason::TooManyBytes,
        "this peer makes the server hold limits.peer_bytes, or all peers limits.bytes: \
         read answers that are under way, send less at a time, or try again later",
    )
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.gauge.dec_by(self.bytes);
    }
}

impl Held {
    /// Bytes that are held until the last of them is dropped.
    pub(crate) fn until_dropped(self, bytes: Bytes) -> Bytes {
        Bytes::from_owner(Kept { bytes, _held: self })
    }
}

struct Kept {
    bytes: Bytes,
    _held: Held,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The accounts of all peers that are connected.
#[derive(Debug)]
pub(crate) struct Accounts {
    each: usize,
    all: Arc<Pool>,
    patience: Duration,
    gauge: Gauge,
    known: Known<Account>,
}

impl Accounts {
    /// Nothing is held yet; the gauge tells how many bytes are.
    pub(crate) fn new(limits: &Limits, gauge: Gauge) -> Arc<Self> {
        Arc::new(Self {
            each: limits.peer_bytes,
            all: Arc::new(Pool::new(limits.bytes)),
            patience: limits.queue_wait(),
            gauge,
            known: Known::default(),
        })
    }

    /// The account of a peer, the same for all of its connections.
    pub(crate) fn of(&self, peer: IpAddr) -> Arc<Account> {
        self.known.of(peer, || Account {
            own: Pool::new(self.each),
            all: self.all.clone(),
            patience: self.patience,
            gauge: self.gauge.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: usize = super::UNIT as usize;

    fn accounts() -> Arc<Accounts> {
        let limits = Limits {
            peer_bytes: 10 * UNIT,
            bytes: 15 * UNIT,
            queue_millis: 1,
            ..Limits::default()
        };
        Accounts::new(&limits, Gauge::default())
    }

    #[tokio::test]
    async fn a_peer_holds_at_most_its_share_and_all_together_theirs() {
        let accounts = accounts();
        let [first, second] = [1, 2].map(|last| accounts.of(IpAddr::from([10, 0, 0, last])));
        let most = first.try_hold(10 * UNIT).unwrap();
        assert!(first.try_hold(1).is_none());
        let rest = second.try_hold(5 * UNIT).unwrap();
        // There is more of its own, and none of that of all.
        assert!(second.try_hold(1).is_none());
        let error = second.hold_soon(1).await.unwrap_err();
        assert_eq!(error.reason, Reason::TooManyBytes);
        assert_eq!(accounts.gauge.get(), 15 * i64::from(super::UNIT));
        drop(most);
        // What was refused has left nothing behind.
        let more = second.hold(5 * UNIT).await;
        assert!(more.is_some());
        drop((rest, more));
        assert_eq!(accounts.gauge.get(), 0);
    }

    #[tokio::test]
    async fn a_call_goes_on_with_what_is_free_whatever_others_hold() {
        let account = accounts().of(IpAddr::from([10, 0, 0, 1]));
        let others = account.try_hold(10 * UNIT).unwrap();
        let call = Allowance::new(100, account.clone());
        let first = call.try_hold(60).unwrap();
        assert!(call.try_hold(60).is_none());
        let waits = call.hold(60);
        drop(first);
        // More than is free comes alone.
        drop(waits.await.unwrap());
        let large = call.try_hold(1_000).unwrap();
        assert!(call.try_hold(1).is_none());
        drop(others);
        let more = call.hold(1).await;
        assert_eq!(account.gauge.get(), i64::from(super::UNIT));
        drop((large, more));
        assert_eq!(account.gauge.get(), 0);
    }

    #[tokio::test]
    async fn what_is_larger_than_everything_comes_alone_and_bytes_are_held_to_their_last() {
        let accounts = accounts();
        let account = accounts.of(IpAddr::from([10, 0, 0, 1]));
        let huge = account.try_hold(usize::MAX).unwrap();
        let bytes = huge.until_dropped(Bytes::from_static(b"abc"));
        let part = bytes.slice(1..2);
        drop(bytes);
        assert!(account.try_hold(1).is_none());
        assert_eq!(&part[..], b"b");
        drop(part);
        assert!(account.try_hold(1).is_some());
    }
}
