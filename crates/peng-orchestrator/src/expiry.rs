//! Leases that run out are taken back at their deadline.

use std::{future, sync::Arc, time::Duration};

use tokio::time::sleep;
use tracing::warn;

use crate::ledger::Ledger;

/// The pause before a store that failed is tried again.
pub(crate) const RETRY: Duration = Duration::from_secs(1);

/// Takes leases back for as long as it is polled.
pub(crate) async fn run(ledger: Arc<Ledger>) {
    let mut changes = ledger.status();
    loop {
        changes.mark_unchanged();
        let pause = match ledger.expire().await {
            Ok(next) => next,
            Err(error) => {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot take leases back"
                );
                Some(RETRY)
            }
        };
        let deadline = async {
            match pause {
                Some(pause) => sleep(pause).await,
                None => future::pending().await,
            }
        };
        tokio::select! {
            change = changes.changed() => if change.is_err() { return },
            () = deadline => {}
        }
    }
}
