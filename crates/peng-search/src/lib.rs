//! The search: spaces, genomes, variation, selection and leases; no I/O.
//!
//! [`Search`] is a state machine: a shell feeds it events (a worker asks for work, renews, gives
//! back, settles; time passes) and stores the candidates that each call says it changed before it
//! answers the worker. Time is an argument and all randomness derives from
//! [`Settings::seed`], so a search that is killed and [restored](Search::restore) goes on
//! exactly as it would have, and the order in which workers settle never changes what is proposed.
//!
//! ```
//! use std::time::{Duration, SystemTime};
//! use peng_search::candidate::{Ending, Outcome};
//! use peng_search::lease::Answer;
//! use peng_search::macro_space::{Input, Space};
//! use peng_search::settings::{Algorithm, Goal};
//! use peng_search::{Search, Settings};
//!
//! let input = Input { channels: 1, height: 28, width: 28 };
//! let mut search = Search::new(Settings {
//!     algorithm: Algorithm::Random,
//!     space: Space::new(4, vec![8, 16, 32], input, 10)?.into(),
//!     seed: 7,
//!     candidates: 1,
//!     lease: Duration::from_mins(1),
//!     attempts: 3,
//!     goal: Goal::Maximize,
//! })?;
//! let now = SystemTime::UNIX_EPOCH;
//! let Answer::Leased(candidate) = search.lease("worker-1", now).answer else {
//!     unreachable!("a fresh search has work");
//! };
//! let token = candidate.lease().map(|lease| lease.token.clone());
//! let outcome = Outcome::succeeded(91.5, 12.0);
//! let _ = search.settle(candidate.id, token.as_deref(), outcome)?;
//! assert!(search.is_finished());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod candidate;
mod cost;
pub mod described;
pub mod lease;
pub mod macro_space;
mod nsga2;
mod pareto;
mod proposal;
mod random;
pub mod search;
mod seeds;
pub mod sequential;
pub mod settings;
pub mod space;

pub use candidate::Candidate;
pub use search::Search;
pub use settings::Settings;
pub use space::{Genome, Network, Space};
