//! Declared learning-rate schedules: what they change for `adaptive`, and what they do not.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use peng_predict::experiment::{Experiment, Settings};
use peng_predict::metrics::Summary;
use peng_predict::policy::Spec;
use peng_predict::replay::{self, State};
use peng_predict::{Decision, Epoch, Goal, Observation, ReasonCode, rate};
use proptest::prelude::*;

const TARGET: u32 = 60;
const WORKERS: usize = 4;

fn settings(parameters: &[(&str, &str)]) -> Arc<Settings> {
    let mut settings = Settings::accuracy(Epoch::new(f64::from(TARGET)).unwrap());
    settings.policy = Spec::parse("adaptive", parameters).unwrap();
    Arc::new(settings)
}

fn schedule(text: &str) -> Arc<rate::Schedule> {
    Arc::new(text.parse().unwrap())
}

/// A number in [0, 1) that looks random.
fn noise(trial: u64, epoch: u32) -> f64 {
    ((trial as f64 * 12.9898 + f64::from(epoch) * 78.233).sin() * 43_758.545_3)
        .fract()
        .abs()
}

/// A network whose rate drops after `step` epochs: it levels off at once, then gains what the
/// level before the step hardly tells.
fn curve(trial: u64, step: u32) -> Vec<Observation> {
    let (level, gain) = (
        40.0 + 10.0 * noise(trial, 1000),
        8.0 + 20.0 * noise(trial, 2000),
    );
    let value = |epoch: u32| {
        let before = level * (1.0 - (-0.5 * f64::from(epoch)).exp());
        let after = f64::from(epoch.saturating_sub(step));
        before + gain * (1.0 - (-0.8 * after).exp()) + noise(trial, epoch)
    };
    (1..=TARGET)
        .map(|epoch| Observation::new(Epoch::new(f64::from(epoch)).unwrap(), value(epoch)))
        .collect()
}

fn train(
    experiment: &Experiment,
    trial: u64,
    schedule: Option<Arc<rate::Schedule>>,
    step: u32,
) -> Vec<Decision> {
    let mut session = experiment.start_as(trial, schedule);
    let mut decisions = Vec::new();
    for observation in curve(trial, step) {
        decisions.push(session.observe(observation).unwrap());
        if decisions.last().unwrap().is_stop() {
            return decisions;
        }
    }
    session.complete();
    decisions
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn one_schedule_for_all_decides_as_none_does(
        steps in prop::collection::btree_set(1_u32..TARGET, 1..4),
        warm_up in prop_oneof![Just(0.0), 0.5..10.0],
        first in 0_u64..1000,
    ) {
        let epochs = steps.iter().map(|step| Epoch::new(f64::from(*step)).unwrap());
        let shape = rate::Shape::Steps { epochs: epochs.collect(), factor: 0.1 };
        let declared = Arc::new(rate::Schedule::new(warm_up, shape).unwrap());
        let (told, untold) = (Experiment::new(settings(&[])), Experiment::new(settings(&[])));
        for trial in first..first + 40 {
            let step = *steps.first().unwrap();
            prop_assert_eq!(
                train(&told, trial, Some(Arc::clone(&declared)), step),
                train(&untold, trial, None, step)
            );
        }
        prop_assert_eq!(told.calibration(), untold.calibration());
    }
}

#[test]
fn nothing_is_stopped_before_a_step_that_no_trial_has_shown() {
    let experiment = Experiment::new(settings(&[("explore", "0")]));
    let lengths =
        (0..30).map(|trial| train(&experiment, trial, Some(schedule("constant")), TARGET).len());
    let stopped = lengths.filter(|length| *length < TARGET as usize).count();
    assert!(stopped > 3, "a rate that stays is known: {stopped}");
    let decisions = train(&experiment, 31, Some(schedule("steps=40")), 40);
    assert!(decisions.len() > 40);
    let early = &decisions[5..40];
    assert!(
        early
            .iter()
            .all(|decision| decision.reason.code() == ReasonCode::Learning),
        "{}",
        early[10].reason
    );
    // Five that had theirs, wherever it was, are enough to judge the next one by.
    for trial in 32..38 {
        let at = 20 + 5 * u32::try_from(trial - 32).unwrap();
        train(
            &experiment,
            trial,
            Some(schedule(&format!("steps={at}"))),
            at,
        );
    }
    let judged = train(&experiment, 38, Some(schedule("steps=40")), 40);
    assert_ne!(judged[10].reason.code(), ReasonCode::Learning);
}

/// The share of the epochs saved, of the best kept, and the mean error of what stopped trials were
/// reported with, of 200 networks whose rate drops once, somewhere between a tenth and nine tenths.
fn outcome(declares: bool, seed: u64) -> (f64, f64, f64) {
    let steps: Vec<u32> = (0..200_u64)
        .map(|trial| [6, 15, 24, 33, 42, 54][usize::try_from(trial % 6).unwrap()])
        .collect();
    let curves: Vec<_> = (0..)
        .zip(&steps)
        .map(|(trial, step)| curve(trial + 1000 * seed, *step))
        .collect();
    let rates: Vec<_> = steps
        .iter()
        .map(|step| declares.then(|| schedule(&format!("steps={step}"))))
        .collect();
    let plan = replay::Schedule {
        workers: WORKERS,
        seed,
    };
    let replay = replay::run_as(&settings(&[]), &curves, &rates, plan, || Duration::ZERO).unwrap();
    let stopped = replay
        .trials
        .iter()
        .filter(|trial| trial.state == State::Stopped);
    let errors: Vec<f64> = stopped
        .map(|trial| (trial.reported - trial.truth).abs())
        .collect();
    let error = errors.iter().sum::<f64>() / errors.len().max(1) as f64;
    let summary = Summary::new(&replay, Goal::Maximize, 0.1);
    (summary.epochs_saved, summary.best_kept, error)
}

/// With `PENG4NN_SEEDS=20` as many orders and sets of networks, as in docs/adaptive.md.
#[test]
fn where_steps_differ_more_is_kept_for_what_is_saved_if_they_are_told() {
    let seeds = std::env::var("PENG4NN_SEEDS").map_or(4, |seeds| seeds.parse().unwrap());
    let mean = |declares: bool| {
        let all: Vec<_> = (1..=seeds).map(|seed| outcome(declares, seed)).collect();
        let of = |field: fn(&(f64, f64, f64)) -> f64| {
            all.iter().map(field).sum::<f64>() / all.len() as f64
        };
        (of(|o| o.0), of(|o| o.1), of(|o| o.2))
    };
    let (told, untold) = (mean(true), mean(false));
    println!("saved, kept, error: told {told:.3?}, untold {untold:.3?}");
    assert!(
        told.0 > untold.0 && told.1 > untold.1 + 0.05,
        "{told:?} {untold:?}"
    );
    assert!(told.2 < untold.2, "{told:?} {untold:?}");
}
