//! The time by which leases run.

use std::time::{Instant, SystemTime};

/// The clock of the machine as it was at the start, gone on evenly since: one that is set
/// meanwhile, be it by a year, takes no lease from a worker that trains, and keeps none for one
/// that is dead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    wall: SystemTime,
    since: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            wall: SystemTime::now(),
            since: Instant::now(),
        }
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.wall
            .checked_add(self.since.elapsed())
            .unwrap_or(self.wall)
    }
}
