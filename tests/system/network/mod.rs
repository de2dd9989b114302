//! The network fails between a worker and its server, and between a server and its database:
//! nothing that was acknowledged is lost, nothing is doubled, and no verdict differs from those
//! of a network that never fails.
//!
//! Each test runs over a proxy that swallows bytes, and over a real network of two namespaces
//! where this machine lets us make one.

mod database;
mod proxy;
mod site;
mod training;
mod wire;

use std::time::Duration;

use tokio::time::sleep;

use site::Site;
use training::Training;

/// How long the network is away.
const OUTAGE: Duration = Duration::from_millis(1_500);

/// Cut, and back after a while, twice in mid-stream.
async fn outages(site: Site) {
    let training = Training::start(&site.endpoint()).await;
    for share in [0.25, 0.6] {
        training.reaches(share).await;
        site.cut();
        sleep(OUTAGE).await;
        site.mend();
    }
    training.verify(site).await;
}

/// Little gets through, and late; over and over nothing for a moment.
async fn slowness(site: Site) {
    let training = Training::start(&site.endpoint()).await;
    training.reaches(0.1).await;
    site.slow_down();
    for share in [0.2, 0.3, 0.4] {
        training.reaches(share).await;
        site.cut();
        sleep(Duration::from_millis(60)).await;
        site.mend_slowly();
    }
    training.verify(site).await;
}

/// A peer that is gone without a word is found by both ends.
async fn silence(site: Site) {
    let training = Training::start(&site.endpoint()).await;
    training.reaches(0.3).await;
    assert!(site.connections_of_server() > 0);
    site.cut();
    // The server learns it by itself: the clients' packets do not arrive, their ends neither.
    while site.connections_of_server() > 0 {
        sleep(Duration::from_millis(50)).await;
    }
    site.mend_for_new_ones();
    training.verify(site).await;
}

macro_rules! over_every_network {
    ($($test:ident as $name:ident),* $(,)?) => {
        mod over_a_proxy {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$test(super::Site::behind_a_proxy().await).await;
            })*
        }
        mod over_a_wire {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                if let Some(site) = super::Site::behind_a_wire() {
                    super::$test(site).await;
                }
            })*
        }
    };
}

over_every_network!(
    outages as a_cut_in_mid_stream_loses_nothing,
    slowness as a_slow_and_lossy_network_changes_no_verdict,
    silence as a_peer_that_is_silent_is_found,
);
