//! The time that a clock has shown for a while.

use std::{
    collections::VecDeque,
    time::{Duration, Instant, SystemTime},
};

/// Reads a clock that may be set wrongly: a leap forward counts once the clock has stood by it for
/// a while, and not at all if it is undone before.
#[derive(Debug)]
pub(crate) struct Steady {
    trial: Duration,
    /// What was read, oldest first; the first is as old as the trial is long, once one is.
    read: VecDeque<(Instant, SystemTime)>,
}

impl Steady {
    pub(crate) const fn new(trial: Duration) -> Self {
        Self {
            trial,
            read: VecDeque::new(),
        }
    }

    /// The earliest time that agrees with what was read in the time of a trial; none before it
    /// was read for so long. `now` is of a clock that nobody sets.
    pub(crate) fn read(&mut self, now: Instant, wall: SystemTime) -> Option<SystemTime> {
        self.read.push_back((now, wall));
        let age = |at: Instant| now.saturating_duration_since(at);
        while self
            .read
            .get(1)
            .is_some_and(|(at, _)| age(*at) >= self.trial)
        {
            self.read.pop_front();
        }
        if age(self.read.front()?.0) < self.trial {
            return None;
        }
        let today = self
            .read
            .iter()
            .map(|(at, wall)| wall.checked_add(age(*at)));
        today.min().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600;
    const YEAR: u64 = 365 * 24 * HOUR;

    /// What is read, in hours after the start, of a clock that is `off` by so many seconds in the
    /// hour; looked at every half hour, trusted after six.
    fn shown(hours: u64, off: impl Fn(u64) -> u64) -> Vec<Option<u64>> {
        let (begin, noon) = (Instant::now(), SystemTime::UNIX_EPOCH);
        let mut clock = Steady::new(Duration::from_hours(6));
        let reads = (0..2 * hours).map(|look| {
            let since = Duration::from_secs(look * HOUR / 2);
            let wall = noon + Duration::from_secs(off(look / 2)) + since;
            let read = clock.read(begin + since, wall)?;
            Some(read.duration_since(noon).unwrap().as_secs() / HOUR)
        });
        reads.collect()
    }

    #[test]
    fn a_right_clock_is_trusted_after_a_while() {
        let read = shown(24, |_| 0);
        assert!(read[..12].iter().all(Option::is_none), "{read:?}");
        assert!(
            (12..48).all(|look| read[look] == Some(look as u64 / 2)),
            "{read:?}"
        );
    }

    #[test]
    fn a_leap_forward_that_is_undone_is_never_read() {
        for leap in [0, 3, 8] {
            let read = shown(24, |hour| {
                if (leap..leap + 5).contains(&hour) {
                    YEAR
                } else {
                    0
                }
            });
            assert!(
                read.iter().flatten().all(|&hour| hour <= 24),
                "{leap}: {read:?}"
            );
            assert!(read[47].is_some(), "{leap}: {read:?}");
        }
    }

    #[test]
    fn a_leap_that_stays_is_believed_and_one_back_at_once() {
        let forward = shown(24, |hour| if hour >= 8 { YEAR } else { 0 });
        assert_eq!(forward[27], Some(13), "{forward:?}");
        assert_eq!(forward[47], Some(YEAR / HOUR + 23), "{forward:?}");
        let back = shown(24, |hour| if hour < 8 { YEAR } else { 0 });
        assert_eq!(back[15], Some(YEAR / HOUR + 7), "{back:?}");
        assert_eq!(back[16], Some(8), "{back:?}");
    }
}
