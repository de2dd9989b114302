//! What is known of the attempt at one candidate, and when it ends. No clock, no network.

use std::collections::VecDeque;

use peng_proto::v1;

use crate::train::Observation;

/// The attempt so far.
#[derive(Debug)]
pub(crate) struct Attempt {
    target: f64,
    trained: f64,
    unanswered: VecDeque<Observation>,
    last: Option<Observation>,
    failed: Option<String>,
    stopped: bool,
}

/// How an attempt ends by itself.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ending {
    /// Trained to the end, with the value of the last epoch.
    Succeeded { measured: f64 },
    /// Stopped by a verdict.
    Stopped,
    /// Ended by an error, as the reason says.
    Failed { reason: String },
}

impl Attempt {
    /// An attempt that trains `target` epochs.
    pub(crate) fn new(target: f64) -> Self {
        Self {
            target,
            trained: 0.0,
            unanswered: VecDeque::new(),
            last: None,
            failed: None,
            stopped: false,
        }
    }

    /// Epochs trained.
    pub(crate) fn trained(&self) -> f64 {
        self.trained
    }

    /// Observations without an answer.
    pub(crate) fn unanswered(&self) -> usize {
        self.unanswered.len()
    }

    /// Whether an epoch is in training, as far as the attempt knows.
    pub(crate) fn goes_on(&self) -> bool {
        !self.stopped && self.failed.is_none() && self.trained < self.target
    }

    /// An observation is made and sent.
    pub(crate) fn observe(&mut self, observation: Observation) {
        self.trained = observation.epoch;
        self.last = Some(observation);
        self.unanswered.push_back(observation);
        if !observation.value.is_finite() {
            let Observation { epoch, loss, .. } = observation;
            self.fail(format!(
                "the training diverged: its loss in epoch {epoch} is {loss}"
            ));
        }
    }

    /// The oldest observation without an answer is decided on; returns it.
    pub(crate) fn decide(&mut self, decision: &v1::Decision) -> Option<Observation> {
        self.stopped |= decision.must_stop;
        self.unanswered.pop_front()
    }

    /// The oldest observation without an answer is refused.
    pub(crate) fn refuse(&mut self, wrong: String) {
        self.unanswered.pop_front();
        self.fail(wrong);
    }

    /// The training ended by an error. The first one counts.
    pub(crate) fn fail(&mut self, reason: String) {
        self.failed.get_or_insert(reason);
    }

    /// How it ends; `None` as long as there is something to wait for. A verdict is obeyed at
    /// once, any other end waits until every observation is answered.
    pub(crate) fn ending(&self) -> Option<Ending> {
        if self.stopped {
            return Some(Ending::Stopped);
        }
        if self.goes_on() || !self.unanswered.is_empty() {
            return None;
        }
        Some(match (&self.failed, self.last) {
            (Some(reason), _) => Ending::Failed {
                reason: reason.clone(),
            },
            (None, Some(Observation { value, .. })) => Ending::Succeeded { measured: value },
            (None, None) => Ending::Failed {
                reason: "there was no epoch to train".to_owned(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(number: u32, value: f64) -> Observation {
        Observation {
            epoch: number.into(),
            value,
            loss: if value.is_finite() { 1.0 } else { f64::NAN },
            images: 100,
            seconds: 1.0,
        }
    }

    fn decision(must_stop: bool) -> v1::Decision {
        v1::Decision {
            must_stop,
            ..v1::Decision::default()
        }
    }

    #[test]
    fn it_succeeds_once_the_last_observation_is_answered() {
        let mut attempt = Attempt::new(2.0);
        attempt.observe(epoch(1, 70.0));
        attempt.observe(epoch(2, 80.0));
        assert!(!attempt.goes_on());
        assert_eq!(attempt.decide(&decision(false)), Some(epoch(1, 70.0)));
        assert_eq!(attempt.ending(), None);
        attempt.decide(&decision(false));
        assert_eq!(attempt.ending(), Some(Ending::Succeeded { measured: 80.0 }));
    }

    #[test]
    fn a_verdict_is_obeyed_at_once() {
        let mut attempt = Attempt::new(9.0);
        attempt.observe(epoch(1, 70.0));
        attempt.observe(epoch(2, 80.0));
        attempt.decide(&decision(true));
        assert!(!attempt.goes_on());
        assert_eq!(attempt.ending(), Some(Ending::Stopped));
        assert_eq!(attempt.trained().to_bits(), 2_f64.to_bits());
    }

    #[test]
    fn a_diverged_training_waits_for_its_verdict() {
        for (must_stop, stopped) in [(true, true), (false, false)] {
            let mut attempt = Attempt::new(9.0);
            attempt.observe(epoch(1, f64::NAN));
            assert_eq!(attempt.ending(), None);
            attempt.decide(&decision(must_stop));
            match attempt.ending() {
                Some(Ending::Stopped) => assert!(stopped),
                Some(Ending::Failed { reason }) => {
                    assert!(!stopped);
                    assert!(reason.contains("loss in epoch 1 is NaN"), "{reason}");
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn the_first_error_is_the_reason() {
        let mut attempt = Attempt::new(9.0);
        attempt.observe(epoch(1, 50.0));
        attempt.fail("out of memory".to_owned());
        assert_eq!(attempt.ending(), None);
        attempt.refuse("the trial has ended".to_owned());
        let reason = "out of memory".to_owned();
        assert_eq!(attempt.ending(), Some(Ending::Failed { reason }));
    }
}
