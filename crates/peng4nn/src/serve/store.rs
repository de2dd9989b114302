//! Opens the log, whenever its database comes.

use std::{sync::Arc, time::Duration};

use peng_client::retry::{Backoff, chance};
use peng_store::{Address, Error, Store};
use tokio::time::sleep;
use tracing::warn;

use crate::exit::Failure;

/// Each try is told, so that the last of them are a few a minute.
const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(500),
    longest: Duration::from_secs(10),
};

/// Opens the log at an address, trying again for as long as what fails may pass by itself: a
/// machine or a cluster that starts starts its servers in any order.
pub(super) async fn open(address: &Address) -> Result<Arc<dyn Store>, Error> {
    let mut tries = 0;
    loop {
        let error = match peng_store::open(address).await {
            Err(error) if error.is_transient() => error,
            settled => return settled,
        };
        tries += 1;
        let wait = BACKOFF.wait(tries, chance());
        warn!(
            database = %address,
            error = %Failure::from(error),
            tries,
            ?wait,
            "waits for the database before it listens"
        );
        sleep(wait).await;
    }
}
