//! Stop everything at one epoch: the plainest way to save, and the one to beat.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Kind, Peers, Policy, View};
use crate::epoch::Epoch;
use crate::reason::Reason;
use crate::verdict::Decision;

/// A stop at an epoch, or at a share of the target epoch (by default a half).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct Spec {
    at: At,
}

/// An epoch, absolute or as a share of the experiment's target epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum At {
    /// This epoch.
    Epoch(Epoch),
    /// This share of the target epoch, in (0, 1).
    Share(f64),
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Raw {
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<Epoch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    share: Option<f64>,
}

/// Why parameters are refused.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The epoch and the share are both given.
    #[error("epoch and share exclude each other; one of them would be right")]
    Both,
    /// `share` is not in (0, 1).
    #[error("share must be above 0 and below 1 of the target epoch, got {0}")]
    Share(f64),
}

impl At {
    /// The share, checked.
    pub fn share(share: f64) -> Result<Self, Error> {
        if share > 0.0 && share < 1.0 {
            Ok(Self::Share(share))
        } else {
            Err(Error::Share(share))
        }
    }

    /// How many epochs that are if the target is at this epoch. A share may be short by one part
    /// in 10^12: the product of 0.07 and 100 is above 7, and the observation at epoch 7 is meant.
    pub fn epochs(&self, target: Epoch) -> f64 {
        match self {
            Self::Epoch(epoch) => epoch.get(),
            Self::Share(share) => share * target.get() * (1.0 - 1e-12),
        }
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Epoch(epoch) => write!(f, "epoch {epoch}"),
            Self::Share(share) => write!(f, "{share} of the target epoch"),
        }
    }
}

impl Spec {
    /// A stop there.
    pub const fn new(at: At) -> Self {
        Self { at }
    }

    /// Where it stops: at the first observation there or later.
    pub const fn at(&self) -> At {
        self.at
    }
}

impl Default for Spec {
    fn default() -> Self {
        Self::new(At::Share(0.5))
    }
}

impl TryFrom<Raw> for Spec {
    type Error = Error;

    fn try_from(raw: Raw) -> Result<Self, Error> {
        match (raw.epoch, raw.share) {
            (None, None) => Ok(Self::default()),
            (Some(epoch), None) => Ok(Self::new(At::Epoch(epoch))),
            (None, Some(share)) => At::share(share).map(Self::new),
            (Some(_), Some(_)) => Err(Error::Both),
        }
    }
}

impl From<Spec> for Raw {
    fn from(spec: Spec) -> Self {
        match spec.at {
            At::Epoch(epoch) => Self {
                epoch: Some(epoch),
                share: None,
            },
            At::Share(share) => Self {
                epoch: None,
                share: Some(share),
            },
        }
    }
}

impl Kind for Spec {
    fn open(&self) -> Arc<dyn Peers> {
        Arc::new(self.clone())
    }
}

impl Peers for Spec {
    fn join(&self, _trial: u64) -> Box<dyn Policy> {
        Box::new(Rule { at: self.at })
    }
}

#[derive(Debug)]
struct Rule {
    at: At,
}

impl Policy for Rule {
    fn decide(&mut self, view: &View<'_>) -> Decision {
        let last = view.last();
        let prediction = Some(view.persistence());
        if last.epoch.get() < self.at.epochs(view.settings.target) {
            let reason = Reason::Passed {
                epoch: last.epoch,
                value: last.value,
                threshold: None,
            };
            return Decision::go_on(reason, prediction);
        }
        let reason = Reason::Rule {
            epoch: last.epoch,
            value: last.value,
            threshold: None,
        };
        Decision::stop(reason, prediction)
    }
}
