//! Schedules of the learning rate: messages to [`Schedule`] and back.

use peng_predict::{
    Epoch,
    rate::{self, Schedule, Shape},
};

use crate::{error::Error, v1};

/// Reads a schedule; `field` is where it stands.
pub fn parse(field: &str, wire: v1::RateSchedule) -> Result<Schedule, Error> {
    use v1::rate_schedule::Shape as Wire;
    let wrong = |path: &str, why: &dyn std::fmt::Display| {
        Error::field(format!("{field}.{path}"), why.to_string())
    };
    let shape = match wire.shape {
        None => {
            let right = "is missing; constant, steps or cosine would be right";
            return Err(wrong("shape", &right));
        }
        Some(Wire::Constant(v1::ConstantRate {})) => Shape::Constant,
        Some(Wire::Cosine(v1::CosineRate {})) => Shape::Cosine,
        Some(Wire::Steps(steps)) => Shape::Steps {
            epochs: steps
                .epochs
                .into_iter()
                .map(Epoch::new)
                .collect::<Result<_, _>>()
                .map_err(|error| wrong("steps.epochs", &error))?,
            factor: steps.factor.unwrap_or(rate::FACTOR),
        },
    };
    Schedule::new(wire.warm_up_epochs, shape).map_err(|error| {
        let path = match error {
            rate::Error::WarmUp(_) => "warm_up_epochs",
            rate::Error::Factor(_) => "steps.factor",
            rate::Error::Steps(_) | rate::Error::Order { .. } | rate::Error::Text { .. } => {
                "steps.epochs"
            }
        };
        wrong(path, &error)
    })
}

/// A schedule for the wire.
pub fn to_wire(schedule: &Schedule) -> v1::RateSchedule {
    use v1::rate_schedule::Shape as Wire;
    let shape = match schedule.shape() {
        Shape::Constant => Wire::Constant(v1::ConstantRate {}),
        Shape::Cosine => Wire::Cosine(v1::CosineRate {}),
        Shape::Steps { epochs, factor } => Wire::Steps(v1::SteppedRate {
            epochs: epochs.iter().map(|epoch| epoch.get()).collect(),
            factor: Some(*factor),
        }),
    };
    v1::RateSchedule {
        shape: Some(shape),
        warm_up_epochs: schedule.warm_up(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_survive_the_wire() {
        for text in ["constant", "cosine+warm-up=5", "steps=1.5,150*0.3"] {
            let schedule: Schedule = text.parse().unwrap();
            assert_eq!(parse("schedule", to_wire(&schedule)), Ok(schedule));
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let steps = |epochs: &[f64], factor| v1::RateSchedule {
            shape: Some(v1::rate_schedule::Shape::Steps(v1::SteppedRate {
                epochs: epochs.to_vec(),
                factor,
            })),
            warm_up_epochs: 0.0,
        };
        let none = v1::RateSchedule::default();
        let mut cold = steps(&[1.0], None);
        cold.warm_up_epochs = f64::NAN;
        for (wire, path) in [
            (none, "shape"),
            (cold, "warm_up_epochs"),
            (steps(&[], None), "steps.epochs"),
            (steps(&[2.0, 2.0], None), "steps.epochs"),
            (steps(&[-1.0], None), "steps.epochs"),
            (steps(&[1.0; 101], None), "steps.epochs"),
            (steps(&[1.0], Some(0.0)), "steps.factor"),
        ] {
            let error = parse("trial.schedule", wire).unwrap_err();
            assert_eq!(
                error.fields[0].0,
                format!("trial.schedule.{path}"),
                "{error}"
            );
        }
    }
}
