//! Searches: spaces, trainings, candidates, leases and what workers report.

mod assignment;
mod candidate;
mod outcome;
mod space;
mod training;

pub use assignment::{Assignment, Lease};
pub use candidate::{attempts, candidate_to_wire, trial_name};
pub use outcome::{Report, outcome_to_wire};
pub use space::{parse_space, space_to_wire};
pub use training::Training;
