//! What was answered, and how fast.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;

/// Parts of the trials, by their numbers, that are told apart.
const PARTS: usize = 10;

/// What all streams have seen together.
#[derive(Debug)]
pub(super) struct Tally {
    trials: u32,
    counts: Mutex<Counts>,
}

/// What was answered.
#[derive(Debug, Clone)]
pub(super) struct Counts {
    /// Observations with their decisions.
    pub(super) pairs: u64,
    /// Of these, pipelined observations behind a STOP, whose decision is the STOP again.
    pub(super) after_stop: u64,
    /// Trials that were stopped.
    pub(super) stops: u64,
    /// Trials that have ended.
    pub(super) ended: u64,
    /// Microseconds from an observation to its decision.
    pub(super) latency: Histogram<u64>,
    /// By the trials' numbers.
    pub(super) parts: [Part; PARTS],
}

/// A tenth of the trials.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Part {
    pairs: u64,
    first: Option<Instant>,
    last: Option<Instant>,
}

impl Part {
    /// Answers a second from the first to the last.
    pub(super) fn rate(&self) -> Option<f64> {
        let time = self.last?.duration_since(self.first?).as_secs_f64();
        (time > 0.0).then(|| self.pairs as f64 / time)
    }
}

impl Tally {
    /// Nothing yet of so many trials.
    pub(super) fn new(trials: u32) -> Self {
        let latency = Histogram::new_with_bounds(1, 60_000_000, 3)
            .expect("1 us to 60 s with 3 digits is within the library's bounds");
        Self {
            trials,
            counts: Mutex::new(Counts {
                pairs: 0,
                after_stop: 0,
                stops: 0,
                ended: 0,
                latency,
                parts: [Part::default(); PARTS],
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A decision that came `latency` after its observation was due.
    pub(super) fn answered(&self, trial: u32, latency: Duration, after_stop: bool) {
        let now = Instant::now();
        let mut counts = self.lock();
        counts.pairs += 1;
        counts.after_stop += u64::from(after_stop);
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        counts.latency.saturating_record(micros.max(1));
        let index = u64::from(trial) * PARTS as u64 / u64::from(self.trials);
        let part =
            &mut counts.parts[usize::try_from(index).map_or(0, |index| index.min(PARTS - 1))];
        part.pairs += 1;
        part.first.get_or_insert(now);
        part.last = Some(now);
    }

    /// A trial has ended, at a STOP or with its last epoch.
    pub(super) fn ended(&self, stopped: bool) {
        let mut counts = self.lock();
        counts.ended += 1;
        counts.stops += u64::from(stopped);
    }

    /// All of it.
    pub(super) fn counts(&self) -> Counts {
        self.lock().clone()
    }
}
