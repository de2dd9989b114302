//! Keeping a lease.

use std::time::Duration;

use peng_client::{Client, Error, v1};
use peng_proto::search::Lease;
use tokio::time::sleep;
use tonic::Code;

/// Renews the lease of `candidate` after every third of its duration. Returns only once the
/// lease is over, with the server's word on it; while the server is away it goes on trying.
pub(crate) async fn keep(client: &Client, candidate: &str, lease: &Lease) -> Error {
    let mut duration = lease.duration;
    loop {
        sleep(renew_after(duration)).await;
        let request = v1::RenewLeaseRequest {
            candidate: candidate.to_owned(),
            lease_token: lease.token.clone(),
        };
        match client.renew_lease(request).await {
            Ok(answer) => {
                let renewed = answer.lease.and_then(|lease| Lease::parse(lease).ok());
                duration = renewed.map_or(duration, |lease| lease.duration);
            }
            Err(error) if is_over(&error) => return error,
            Err(error) => tracing::warn!(%error, "the lease could not be renewed yet"),
        }
    }
}

fn renew_after(duration: Duration) -> Duration {
    duration / 3
}

/// Whether the candidate is no longer this worker's: lost, settled, or gone with its search.
pub(crate) fn is_over(error: &Error) -> bool {
    matches!(
        error.code(),
        Some(Code::FailedPrecondition | Code::NotFound)
    )
}
