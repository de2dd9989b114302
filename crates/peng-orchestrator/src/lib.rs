//! The search orchestrator: lends candidates to workers and acts on verdicts.
//!
//! ```text
//! search state -> LeaseCandidate -> worker -> observations -> prediction server
//!      ^                              |                            |
//!      +--- CompleteCandidate --------+      WatchExperiment ------+
//! ```
//!
//! All choices are those of [`peng_search::Search`]; this crate is its shell. A change of the
//! search is on disk before anyone hears of it, and whoever reports first that a candidate has
//! ended, its worker or the verdict that the orchestrator watched, settles it, once, with the
//! same outcome.
//!
//! The server that the service is added to may be the prediction server itself, so starting has
//! two steps:
//!
//! ```no_run
//! # async fn example(
//! #     config: peng_orchestrator::Config,
//! #     store: std::sync::Arc<peng_store::Sqlite>,
//! #     mut server: peng_server::Server,
//! # ) -> Result<(), Box<dyn std::error::Error>> {
//! use peng_client::{Client, Options};
//! use peng_orchestrator::Orchestrator;
//!
//! let predictor = Client::connect_lazy("http://127.0.0.1:50051", Options::patient())?;
//! let orchestrator = Orchestrator::open(config, store, predictor).await?;
//! server.add_service(orchestrator.service()).await;
//! let serving = tokio::spawn(server.run(std::future::pending()));
//! orchestrator.start().await?;
//! orchestrator.finished().await?;
//! println!("{:?}", orchestrator.snapshot().await?.summary.front);
//! # drop(serving);
//! # Ok(())
//! # }
//! ```

mod attempt;
mod change;
mod clock;
mod config;
mod error;
mod expiry;
mod ledger;
mod orchestrator;
mod predictor;
pub mod progress;
mod service;
mod stored;
mod verdict;
mod watch;

pub use config::Config;
pub use error::Error;
pub use orchestrator::Orchestrator;
pub use service::Service;
