//! Failures of the store, as callers hear of them.

use peng_proto::error::{Error, Reason};
use tracing::error;

/// What a client is told when the store fails; the log has the rest.
pub(crate) fn refusal(failure: peng_store::Error) -> Error {
    error!(
        error = &failure as &dyn std::error::Error,
        "the store failed"
    );
    match failure {
        peng_store::Error::Damaged { .. } | peng_store::Error::Corrupt(_) => {
            Error::new(Reason::Internal, failure)
        }
        peng_store::Error::Full(_) => Error::new(
            Reason::StorageFull,
            "the disk of the storage is full; nothing was stored; try again once there is room",
        ),
        _ => Error::new(
            Reason::StorageUnavailable,
            "the storage does not answer; nothing was acknowledged; try again",
        ),
    }
}
