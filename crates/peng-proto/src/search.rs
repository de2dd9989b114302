//! Searches: spaces, trainings, candidates, leases and what workers report.

mod assignment;
mod candidate;
mod method;
mod outcome;
mod space;
mod training;

pub use assignment::{Assignment, Lease};
pub use candidate::{attempts, candidate_to_wire, trial_name};
pub use method::{Method, Optimizer, Precision, Schedule};
pub use outcome::{Report, interval_from_wire, outcome_to_wire};
pub use space::{parse_space, space_to_wire};
pub use training::Training;

use crate::error::Error;

fn ensure(
    holds: bool,
    field: &str,
    given: impl std::fmt::Display,
    right: &str,
) -> Result<(), Error> {
    if holds {
        return Ok(());
    }
    let wrong = format!("is {given}; {right} would be right");
    Err(Error::field(field, wrong))
}
