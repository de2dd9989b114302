//! Experiments: messages to [`Settings`] and back.

use peng_predict::{Epoch, Goal, Mode, ValueRange, experiment::Settings, policy::Calibration};

use crate::{
    error::Error,
    policy,
    text::{self, Text},
    v1,
};

/// What an experiment says to people; no verdict depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The experiment's name for people.
    pub display_name: Text<200>,
    /// What the values measure.
    pub metric: Text<100>,
    /// The unit of the values.
    pub unit: Text<100>,
}

impl Label {
    /// Reads the label's fields of an experiment; empty ones get their defaults.
    pub fn parse(experiment: &v1::Experiment) -> Result<Self, Error> {
        let or = |given: &str, default: &str| {
            if given.is_empty() {
                default.to_owned()
            } else {
                given.to_owned()
            }
        };
        Ok(Self {
            display_name: text::parse("display_name", experiment.display_name.clone())?,
            metric: text::parse("metric", or(&experiment.metric, "accuracy"))?,
            unit: text::parse("unit", or(&experiment.unit, "percent"))?,
        })
    }
}

/// Reads what verdicts follow from.
pub fn parse(experiment: &v1::Experiment) -> Result<Settings, Error> {
    settings(
        experiment.goal,
        experiment.value_range,
        experiment.target_epoch,
        experiment.policy.as_ref(),
        mode(experiment.mode)?,
    )
}

/// Reads the settings of a curve that belongs to no experiment.
pub fn parse_curve(request: &v1::PredictFitnessRequest) -> Result<Settings, Error> {
    settings(
        request.goal,
        request.value_range,
        request.target_epoch,
        request.policy.as_ref(),
        Mode::Enforce,
    )
}

fn settings(
    goal: i32,
    range: Option<v1::ValueRange>,
    target: f64,
    policy: Option<&v1::Policy>,
    mode: Mode,
) -> Result<Settings, Error> {
    let range = match range {
        None => ValueRange::PERCENT,
        Some(range) => ValueRange::new(range.lower, range.upper)
            .map_err(|error| Error::field("value_range", error))?,
    };
    Ok(Settings {
        goal: self::goal(goal)?,
        range,
        target: Epoch::new(target).map_err(|error| Error::field("target_epoch", error))?,
        policy: policy::parse(policy)?,
        mode,
    })
}

fn goal(goal: i32) -> Result<Goal, Error> {
    match v1::Goal::try_from(goal) {
        Ok(v1::Goal::Unspecified | v1::Goal::Maximize) => Ok(Goal::Maximize),
        Ok(v1::Goal::Minimize) => Ok(Goal::Minimize),
        Err(_) => Err(unknown("goal", goal, "GOAL_MAXIMIZE or GOAL_MINIMIZE")),
    }
}

fn mode(mode: i32) -> Result<Mode, Error> {
    match v1::Mode::try_from(mode) {
        Ok(v1::Mode::Unspecified | v1::Mode::Enforce) => Ok(Mode::Enforce),
        Ok(v1::Mode::Advise) => Ok(Mode::Advise),
        Err(_) => Err(unknown("mode", mode, "MODE_ENFORCE or MODE_ADVISE")),
    }
}

pub(crate) fn unknown(field: &str, number: i32, right: &str) -> Error {
    Error::field(
        field,
        format!("{number} is not a value of this enum; {right} would be right"),
    )
}

/// The fields that [`parse`] reads, with every default filled in.
pub fn to_wire(settings: &Settings) -> v1::Experiment {
    let goal = match settings.goal {
        Goal::Maximize => v1::Goal::Maximize,
        Goal::Minimize => v1::Goal::Minimize,
    };
    let mode = match settings.mode {
        Mode::Enforce => v1::Mode::Enforce,
        Mode::Advise => v1::Mode::Advise,
    };
    v1::Experiment {
        goal: goal.into(),
        value_range: Some(v1::ValueRange {
            lower: settings.range.lower(),
            upper: settings.range.upper(),
        }),
        target_epoch: settings.target.get(),
        policy: Some(policy::to_wire(&settings.policy)),
        mode: mode.into(),
        ..v1::Experiment::default()
    }
}

/// What the predictions were worth, for the wire.
pub fn calibration_to_wire(calibration: &Calibration) -> v1::Calibration {
    let count = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    v1::Calibration {
        stop_count: count(calibration.stops),
        covered_50_count: count(calibration.covered_50),
        covered_90_count: count(calibration.covered_90),
        coverage_50: calibration.coverage_50(),
        coverage_90: calibration.coverage_90(),
        best_count: count(calibration.best),
        lost_best_count: count(calibration.lost_best),
        false_stop_rate: calibration.false_stop_rate(),
        risk: calibration.risk,
        widening: calibration.widening,
    }
}

/// What a server says the predictions were worth.
pub fn calibration_from_wire(wire: &v1::Calibration) -> Calibration {
    Calibration {
        stops: wire.stop_count.into(),
        covered_50: wire.covered_50_count.into(),
        covered_90: wire.covered_90_count.into(),
        lost_best: wire.lost_best_count.into(),
        best: wire.best_count.into(),
        risk: wire.risk,
        widening: wire.widening,
    }
}

#[cfg(test)]
mod tests {
    use peng_predict::policy::{self, peng4nn};

    use super::*;

    fn fields(error: &Error) -> Vec<&str> {
        error.fields.iter().map(|(path, _)| path.as_str()).collect()
    }

    #[test]
    fn defaults_survive_the_wire() {
        let given = v1::Experiment {
            target_epoch: 25.0,
            ..v1::Experiment::default()
        };
        let settings = parse(&given).unwrap();
        assert_eq!(settings, Settings::accuracy(Epoch::new(25.0).unwrap()));
        assert_eq!(parse(&to_wire(&settings)).unwrap(), settings);
    }

    #[test]
    fn each_published_convention_survives_the_wire() {
        for spec in [peng4nn::Spec::penguin(), peng4nn::Spec::a4nn()] {
            let mut settings = Settings::accuracy(Epoch::new(20.0).unwrap());
            settings.policy = policy::Spec::Peng4nn(spec);
            settings.goal = Goal::Minimize;
            settings.mode = Mode::Advise;
            assert_eq!(parse(&to_wire(&settings)).unwrap(), settings);
        }
    }

    #[test]
    fn an_account_survives_the_wire_and_has_no_rates_of_nothing() {
        let account = Calibration {
            stops: 20,
            covered_50: 9,
            covered_90: 18,
            lost_best: 1,
            best: 4,
            risk: 0.5,
            widening: 1.5,
        };
        let wire = calibration_to_wire(&account);
        assert_eq!(
            (wire.coverage_50, wire.coverage_90, wire.false_stop_rate),
            (Some(0.45), Some(0.9), Some(0.25))
        );
        assert_eq!(calibration_from_wire(&wire), account);
        let nothing = calibration_to_wire(&Calibration::default());
        assert_eq!(
            (
                nothing.coverage_50,
                nothing.coverage_90,
                nothing.false_stop_rate
            ),
            (None, None, None)
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = |change: fn(&mut v1::Experiment)| {
            let mut given = to_wire(&Settings::accuracy(Epoch::new(25.0).unwrap()));
            change(&mut given);
            parse(&given).unwrap_err()
        };
        assert_eq!(fields(&wrong(|e| e.target_epoch = 0.0)), ["target_epoch"]);
        assert_eq!(fields(&wrong(|e| e.goal = 9)), ["goal"]);
        assert_eq!(
            fields(&wrong(|e| e.value_range = Some(v1::ValueRange {
                lower: 1.0,
                upper: f64::NAN
            }))),
            ["value_range"]
        );
        let window = |e: &mut v1::Experiment| {
            let wire = v1::Peng4nnPolicy {
                window: Some(1),
                ..v1::Peng4nnPolicy::default()
            };
            e.policy = Some(v1::Policy {
                policy: Some(v1::policy::Policy::Peng4nn(wire)),
            });
        };
        assert_eq!(fields(&wrong(window)), ["policy.peng4nn.window"]);
    }
}
