//! Who is calling.

use std::{net::SocketAddr, sync::Arc, time::SystemTime};

use peng_proto::{
    error::{Error, Reason},
    names,
};
use tonic::Request;
use tracing::{info, warn};

use super::{Rpc, entry::Entry, scope::Right};

/// Who is calling what; every request carries one.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// `None` may do everything: the server does not ask for tokens.
    entry: Option<Arc<Entry>>,
    rpc: Rpc,
    peer: Option<SocketAddr>,
}

impl Caller {
    /// Who is calling `rpc`.
    pub(crate) const fn new(entry: Option<Arc<Entry>>, rpc: Rpc, peer: Option<SocketAddr>) -> Self {
        Self { entry, rpc, peer }
    }

    /// Who has sent a request.
    pub(crate) fn of<T>(request: &Request<T>) -> Result<Self, Error> {
        let caller = request.extensions().get::<Self>().cloned();
        caller.ok_or_else(|| Error::new(Reason::Internal, "the call has no caller"))
    }

    /// Records that the caller has deleted `experiment`.
    pub(crate) fn has_deleted(&self, experiment: &names::Experiment) {
        info!(
            target: "peng_server::audit",
            peer = self.peer.map(tracing::field::display),
            token = self.entry.as_deref().map_or("none", Entry::name),
            experiment = %experiment.0,
            "deleted by a call",
        );
    }

    /// Whether the caller may see `experiment` in a list.
    pub(crate) fn sees(&self, experiment: &names::Experiment) -> bool {
        self.entry
            .as_ref()
            .is_none_or(|entry| entry.allows(Right::Read, experiment))
    }

    /// Whether the caller has the right that this call needs, now and on
    /// `experiment`. A stream asks again for every message, so that it ends with
    /// its token.
    pub(crate) fn check(&self, experiment: &names::Experiment) -> Result<(), Error> {
        self.check_with(
            |entry, right| entry.allows(right, experiment),
            || format!("on `{experiment}`"),
        )
    }

    /// Whether the caller has the right that this call needs, on any experiment.
    pub(crate) fn check_any(&self) -> Result<(), Error> {
        self.check_with(Entry::gives, || "on any experiment".to_owned())
    }

    fn check_with(
        &self,
        has: impl FnOnce(&Entry, Right) -> bool,
        on: impl FnOnce() -> String,
    ) -> Result<(), Error> {
        let (Some(entry), Some(right)) = (&self.entry, self.rpc.needs) else {
            return Ok(());
        };
        let error = if !entry.is_good(SystemTime::now()) {
            let message = format!("the token `{}` has expired or was withdrawn", entry.name());
            Error::new(Reason::Unauthenticated, message)
        } else if has(entry, right) {
            return Ok(());
        } else {
            let message = format!(
                "the token `{}` does not give `{right}` {}",
                entry.name(),
                on()
            );
            Error::new(Reason::PermissionDenied, message)
        };
        denied(self.rpc, self.peer, Some(entry), &error);
        Err(error)
    }
}

/// Records a call that was turned away. The token itself is never written.
pub(super) fn denied(rpc: Rpc, peer: Option<SocketAddr>, entry: Option<&Entry>, error: &Error) {
    warn!(
        target: "peng_server::audit",
        method = rpc.path,
        peer = peer.map(tracing::field::display),
        token = entry.map_or("none", Entry::name),
        reason = error.reason.as_str(),
        "denied: {}",
        error.message,
    );
}
