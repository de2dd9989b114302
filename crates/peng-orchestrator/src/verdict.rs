//! From a verdict and what the worker says to the candidate's outcome.

use peng_predict::Mode;
use peng_proto::{
    error::{Error, Reason},
    search::{Report, interval_from_wire},
    v1,
};
use peng_search::candidate::{Ending, Interval, Outcome};

/// The first STOP of a trial, on what it says about the candidate.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stop {
    /// The epoch of the observation that it answered.
    epoch: f64,
    /// The value observed there; `None` where the training diverged.
    measured: Option<f64>,
    /// What the candidate is ranked by. A verdict without a prediction leaves the value at its
    /// epoch; a diverged training leaves nothing, so that its network ranks last.
    predicted: Option<f64>,
    /// Where the prediction says that the true fitness lies.
    interval: Option<Interval>,
    /// In a sentence.
    reason: String,
}

impl Stop {
    /// The STOP in an observation's decision, if it is one.
    pub(crate) fn of_observed(observed: &v1::DecidedObservation) -> Option<Self> {
        let (observation, decision) = (observed.observation?, observed.decision.as_ref()?);
        if decision.verdict() != v1::Verdict::Stop {
            return None;
        }
        let diverged = decision.reason() == v1::Reason::Diverged;
        let measured = Some(observation.value).filter(|value| value.is_finite() && !diverged);
        let prediction = decision.prediction.as_ref().filter(|_| measured.is_some());
        let predicted = prediction.map(|prediction| prediction.fitness);
        Some(Self {
            epoch: observation.epoch,
            measured,
            predicted: measured.map(|measured| predicted.unwrap_or(measured)),
            interval: prediction
                .and_then(|prediction| prediction.interval)
                .and_then(interval_from_wire),
            reason: decision.explanation.clone(),
        })
    }

    /// The first STOP of a trial in the FULL view.
    pub(crate) fn of_trial(trial: &v1::Trial) -> Option<Self> {
        let epoch = trial.stop.as_ref()?.epoch;
        let observed = trial.observations.iter().find(|observed| {
            observed
                .observation
                .is_some_and(|observation| observation.epoch.to_bits() == epoch.to_bits())
        });
        Self::of_observed(observed?)
    }

    /// The outcome where the verdict is obeyed.
    pub(crate) fn obeyed(self) -> Outcome {
        Outcome {
            ending: Ending::Stopped,
            measured: self.measured,
            predicted: self.predicted,
            interval: self.interval,
            epochs: self.epoch,
            reason: self.reason,
            stop_epoch: Some(self.epoch),
        }
    }
}

/// The outcome of a candidate that its worker hands back; `None` where it is to be lent again.
///
/// An enforced STOP counts whatever the worker says: the same verdict, watched, may settle the
/// candidate before or after.
pub(crate) fn outcome(
    report: Report,
    stop: Option<Stop>,
    mode: Mode,
) -> Result<Option<Outcome>, Error> {
    let outcome = match (report, stop) {
        (_, Some(stop)) if mode == Mode::Enforce => stop.obeyed(),
        (Report::Stopped, Some(stop)) => stop.obeyed(),
        (Report::Stopped, None) => {
            return Err(Error::of_field(
                Reason::NoStopVerdict,
                "state",
                "no verdict of the candidate's trial is STOP; SUCCEEDED, FAILED or PREEMPTED would \
                 be right",
            ));
        }
        (Report::Succeeded { measured, epochs }, None) => Outcome::succeeded(measured, epochs),
        (Report::Succeeded { measured, epochs }, Some(stop)) => Outcome {
            ending: Ending::Succeeded,
            // Obeyed, the verdict on a divergence leaves no fitness: advised, it does the same.
            measured: stop.measured.map(|_| measured),
            epochs,
            ..stop.obeyed()
        },
        (Report::Failed { reason, epochs }, stop) => Outcome {
            predicted: stop.as_ref().and_then(|stop| stop.predicted),
            interval: stop.as_ref().and_then(|stop| stop.interval),
            stop_epoch: stop.map(|stop| stop.epoch),
            ..Outcome::failed(reason, epochs)
        },
        (Report::Preempted { .. } | Report::Lost { .. }, _) => return Ok(None),
    };
    Ok(Some(outcome))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRAINED: Report = Report::Succeeded {
        measured: 90.0,
        epochs: 12.0,
    };

    fn stop(value: f64, prediction: Option<f64>) -> Option<Stop> {
        let prediction = prediction.map(|fitness| v1::Prediction {
            fitness,
            ..v1::Prediction::default()
        });
        Stop::of_observed(&v1::DecidedObservation {
            observation: Some(v1::Observation { epoch: 4.0, value }),
            decision: Some(v1::Decision {
                verdict: v1::Verdict::Stop.into(),
                prediction,
                ..v1::Decision::default()
            }),
        })
    }

    fn fitness(report: Report, stop: Option<Stop>, mode: Mode) -> Option<f64> {
        outcome(report, stop, mode).unwrap().unwrap().fitness()
    }

    #[test]
    fn a_stop_ranks_the_same_obeyed_or_not() {
        let stops = [
            (stop(80.0, Some(88.0)), Some(88.0)),
            (stop(80.0, None), Some(80.0)),
            (stop(f64::NAN, None), None),
            (None, Some(90.0)),
        ];
        for (stop, expected) in stops {
            assert_eq!(fitness(TRAINED, stop.clone(), Mode::Enforce), expected);
            assert_eq!(fitness(TRAINED, stop, Mode::Advise), expected);
        }
    }

    #[test]
    fn an_enforced_stop_counts_whatever_the_worker_says() {
        let failed = Report::Failed {
            reason: "out of memory".to_owned(),
            epochs: 4.0,
        };
        let preempted = Report::Preempted {
            reason: String::new(),
        };
        let expected = stop(80.0, Some(88.0)).unwrap().obeyed();
        for report in [failed, preempted, TRAINED, Report::Stopped] {
            let outcome = outcome(report, stop(80.0, Some(88.0)), Mode::Enforce);
            assert_eq!(outcome, Ok(Some(expected.clone())));
        }
    }

    #[test]
    fn no_verdict_no_stop() {
        let error = outcome(Report::Stopped, None, Mode::Enforce).unwrap_err();
        assert_eq!(error.reason, Reason::NoStopVerdict);
    }
}
