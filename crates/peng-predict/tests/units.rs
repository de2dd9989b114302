//! `adaptive` in any unit: what is measured in another one is stopped at the same place.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use peng_predict::experiment::{Experiment, Settings};
use peng_predict::policy::Spec;
use peng_predict::{Decision, Epoch, Observation, Prediction, ValueRange};
use proptest::prelude::*;

/// A number in [0, 1) that looks random.
fn noise(trial: u64, point: u32) -> f64 {
    ((trial as f64 * 12.9898 + f64::from(point) * 78.233).sin() * 43_758.545_3)
        .fract()
        .abs()
}

/// A curve of `points`, some of them missing, that tends to its own end at its own rate.
fn curve(trial: u64, points: u32) -> Vec<(u32, f64)> {
    let (end, rate) = (
        40.0 + 50.0 * noise(trial, 1000),
        2.0 + 6.0 * noise(trial, 2000),
    );
    let value = |point: u32| {
        let share = f64::from(point) / f64::from(points);
        end * (1.0 - (-rate * share).exp()) + noise(trial, point)
    };
    (1..=points)
        .filter(|point| *point == points || noise(trial, 3000 + point) > 0.2)
        .map(|point| (point, value(point)))
        .collect()
}

/// The decisions on 60 trials, the values and their range times `unit`, the epochs times `length`.
fn decisions(points: u32, unit: f64, length: f64) -> Vec<Decision> {
    let at = |point: u32| Epoch::new(length * f64::from(point)).unwrap();
    let experiment = Experiment::new(Arc::new(Settings {
        range: ValueRange::new(0.0, 100.0 * unit).unwrap(),
        policy: Spec::parse::<&str, &str>("adaptive", &[]).unwrap(),
        ..Settings::accuracy(at(points))
    }));
    let mut all = Vec::new();
    for trial in 0..60 {
        let mut session = experiment.start(trial);
        for (point, value) in curve(trial, points) {
            let decision = session.observe(Observation::new(at(point), unit * value));
            all.push(decision.unwrap());
            if all.last().unwrap().is_stop() {
                break;
            }
        }
        // Nothing is completed by it that was stopped.
        if !all.last().unwrap().is_stop() {
            session.complete();
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Powers of two change no digit of a number, so that everything has to be equal to the bit.
    #[test]
    fn another_unit_or_another_length_of_the_epochs_changes_no_verdict(
        points in 20_u32..120,
        unit in -30_i32..30,
        length in -2_i32..4,
    ) {
        let (unit, length) = (2.0_f64.powi(unit), 2.0_f64.powi(length));
        let plain = decisions(points, 1.0, 1.0);
        let other = decisions(points, unit, length);
        prop_assert!(plain.iter().any(Decision::is_stop));
        prop_assert_eq!(plain.len(), other.len());
        // The first trials are extrapolated by fits, whose bounds have units.
        let judged = |decision: &Decision| {
            let prediction = decision.prediction.clone();
            prediction.filter(|prediction| prediction.widening.is_some())
        };
        for (plain, other) in plain.iter().zip(&other) {
            prop_assert_eq!(plain.is_stop(), other.is_stop());
            prop_assert_eq!(judged(plain).is_some(), judged(other).is_some());
            if let (Some(of_plain), Some(of_other)) = (judged(plain), judged(other)) {
                let numbers = |of: Prediction, unit: f64| {
                    let interval = of.interval.unwrap();
                    [of.fitness, interval.lower, interval.upper].map(|value| (unit * value).to_bits())
                };
                prop_assert_eq!(numbers(of_plain, unit), numbers(of_other, 1.0));
            }
        }
    }
}
