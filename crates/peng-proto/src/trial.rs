//! Observations in, decisions out.

use peng_predict::{
    Decision, Epoch, Interval, Mode, Observation, Prediction, ReasonCode, Verdict, trial,
};

use crate::{
    error::{Error, Reason},
    v1,
};

/// Reads an observation that a request has to have; `field` is where.
pub fn parse_observation(field: &str, wire: Option<v1::Observation>) -> Result<Observation, Error> {
    let wire =
        wire.ok_or_else(|| Error::field(field, "is missing; an epoch and a value would be right"))?;
    let epoch =
        Epoch::new(wire.epoch).map_err(|error| Error::field(format!("{field}.epoch"), error))?;
    Ok(Observation {
        epoch,
        value: wire.value,
    })
}

/// Why the engine refused an observation of the field `observation`.
pub fn refused(error: trial::Error) -> Error {
    match error {
        trial::Error::Duplicate { .. } => {
            Error::of_field(Reason::EpochTaken, "observation.epoch", error)
        }
        trial::Error::OutOfRange { .. } => Error::field("observation.value", error),
        trial::Error::NoObservations => Error::field("observations", error),
    }
}

/// An observation for the wire.
pub fn observation_to_wire(observation: Observation) -> v1::Observation {
    v1::Observation {
        epoch: observation.epoch.get(),
        value: observation.value,
    }
}

/// A decision for the wire; `mode` says whether a STOP is to be obeyed.
pub fn decision_to_wire(decision: &Decision, mode: Mode) -> v1::Decision {
    let verdict = match decision.verdict {
        Verdict::Continue => v1::Verdict::Continue,
        Verdict::Stop => v1::Verdict::Stop,
    };
    v1::Decision {
        verdict: verdict.into(),
        reason: reason_to_wire(decision.reason.code()).into(),
        explanation: decision.to_string(),
        must_stop: decision.is_stop() && mode == Mode::Enforce,
        prediction: decision.prediction.as_ref().map(prediction_to_wire),
        stale: decision.stale,
    }
}

/// A kind of reason for the wire.
pub const fn reason_to_wire(code: ReasonCode) -> v1::Reason {
    match code {
        ReasonCode::TooFewObservations => v1::Reason::TooFewObservations,
        ReasonCode::Unsettled => v1::Reason::Unsettled,
        ReasonCode::NoFit => v1::Reason::NoFit,
        ReasonCode::Complete => v1::Reason::Complete,
        ReasonCode::Stale => v1::Reason::Stale,
        ReasonCode::Passed => v1::Reason::Passed,
        ReasonCode::Learning => v1::Reason::Learning,
        ReasonCode::Promising => v1::Reason::Promising,
        ReasonCode::Explored => v1::Reason::Explored,
        ReasonCode::Converged => v1::Reason::Converged,
        ReasonCode::Dominated => v1::Reason::Dominated,
        ReasonCode::Plateau => v1::Reason::Plateau,
        ReasonCode::Diverged => v1::Reason::Diverged,
        ReasonCode::Rule => v1::Reason::Rule,
        ReasonCode::NeverLearns => v1::Reason::NeverLearns,
    }
}

fn prediction_to_wire(prediction: &Prediction) -> v1::Prediction {
    v1::Prediction {
        fitness: prediction.fitness,
        interval: prediction.interval.map(interval_to_wire),
        interval_50: prediction.interval_50.map(interval_to_wire),
        widening: prediction.widening,
        curve: prediction.curve.as_ref().map(|curve| v1::FittedCurve {
            family: curve.family.as_str().to_owned(),
            parameters: curve.parameters.to_vec(),
            sum_squared_error: curve.sse,
            points: u32::try_from(curve.points).unwrap_or(u32::MAX),
        }),
    }
}

const fn interval_to_wire(interval: Interval) -> v1::Interval {
    v1::Interval {
        lower: interval.lower,
        upper: interval.upper,
        level: interval.level,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_that_is_none_names_its_field() {
        for epoch in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let wire = v1::Observation { epoch, value: 1.0 };
            let error = parse_observation("observation", Some(wire)).unwrap_err();
            assert_eq!(error.fields[0].0, "observation.epoch");
        }
        let error = parse_observation("observation", None).unwrap_err();
        assert_eq!(error.fields[0].0, "observation");
    }

    #[test]
    fn a_stop_must_be_obeyed_only_in_enforce_mode() {
        let stop = Decision::stop(peng_predict::Reason::Stale, None);
        assert!(decision_to_wire(&stop, Mode::Enforce).must_stop);
        let advised = decision_to_wire(&stop, Mode::Advise);
        assert!(!advised.must_stop);
        assert_eq!(advised.verdict(), v1::Verdict::Stop);
    }
}
