//! The door: from a request's headers to its caller.

use std::{net::SocketAddr, sync::Arc};

use http::{HeaderMap, header::AUTHORIZATION};
use peng_proto::{
    error::{Error, Reason},
    names,
};

use super::{Caller, Rpc, Tokens, caller::denied};

/// Who is let in.
#[derive(Debug, Default)]
pub(crate) struct Access {
    /// `None` lets everyone in.
    pub(crate) tokens: Option<Arc<Tokens>>,
    /// Services that are about one experiment, as a whole.
    pub(crate) guarded: Vec<(&'static str, names::Experiment)>,
}

impl Access {
    /// The caller of `rpc`, if it may call it at all. What it may do with which
    /// experiment is asked where the request is read.
    pub(crate) fn caller(
        &self,
        rpc: Rpc,
        headers: &HeaderMap,
        peer: Option<SocketAddr>,
    ) -> Result<Caller, Error> {
        let (Some(tokens), Some(_)) = (&self.tokens, rpc.needs) else {
            return Ok(Caller::new(None, rpc, peer));
        };
        let refused = |message: &str| {
            let error = Error::new(Reason::Unauthenticated, message);
            denied(rpc, peer, None, &error);
            error
        };
        let token = bearer(headers).ok_or_else(|| {
            refused(
                "the call has no token; the header `authorization: Bearer TOKEN` would be right",
            )
        })?;
        let entry = tokens
            .find(token)
            .ok_or_else(|| refused("the token is not known to this server"))?;
        let caller = Caller::new(Some(entry), rpc, peer);
        match self.guarded_by(rpc) {
            Some(experiment) => caller.check(experiment)?,
            None => caller.check_any()?,
        }
        Ok(caller)
    }

    /// The one experiment that the service of `rpc` is about.
    pub(crate) fn guarded_by(&self, rpc: Rpc) -> Option<&names::Experiment> {
        let guarded = self.guarded.iter();
        let mut of = guarded.filter(|(name, _)| *name == rpc.service());
        of.next().map(|(_, experiment)| experiment)
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
