//! Replays: the policy sees the past alone, and the figures are what they say.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use peng_predict::experiment::Settings;
use peng_predict::metrics::Summary;
use peng_predict::policy::Spec;
use peng_predict::replay::{self, Failure, Replay, Schedule, State};
use peng_predict::{Epoch, Goal, Observation, ReasonCode};

fn settings(target: f64, policy: &str, parameters: &[(&str, &str)]) -> Arc<Settings> {
    let mut settings = Settings::accuracy(Epoch::new(target).unwrap());
    settings.policy = Spec::parse(policy, parameters).unwrap();
    Arc::new(settings)
}

fn curve(values: &[f64]) -> Vec<Observation> {
    let epochs = (1..).map(f64::from);
    epochs
        .zip(values)
        .map(|(epoch, &value)| Observation::new(Epoch::new(epoch).unwrap(), value))
        .collect()
}

/// Ten curves that end at 50, 51, .. 59, of which the later ones start lower.
fn crossing() -> Vec<Vec<Observation>> {
    (0..10)
        .map(|index| {
            let end = 50.0 + f64::from(index);
            let start = 40.0 - f64::from(index);
            let step = |epoch: i32| start + (end - start) * f64::from(epoch) / 10.0;
            curve(&(1..=10).map(step).collect::<Vec<f64>>())
        })
        .collect()
}

fn play(settings: &Arc<Settings>, curves: &[Vec<Observation>], schedule: Schedule) -> Replay {
    let mut time = Duration::ZERO;
    replay::run(settings, curves, schedule, || {
        time += Duration::from_micros(3);
        time
    })
    .unwrap()
}

const ONE: Schedule = Schedule {
    workers: 1,
    seed: 7,
};

#[test]
fn without_a_stop_nothing_is_saved_and_nothing_lost() {
    let settings = settings(10.0, "fixed", &[("epoch", "99")]);
    let replay = play(&settings, &crossing(), ONE);
    let summary = Summary::new(&replay, Goal::Maximize, 0.1);
    assert!(summary.epochs_saved.abs() < 1e-12);
    for (value, right) in [
        (summary.throughput_factor, 1.0),
        (summary.best_kept, 1.0),
        (summary.kendall_tau, 1.0),
        (summary.mae, 0.0),
        (summary.regret, 0.0),
        (summary.stopped, 0.0),
        (summary.decision_us_p50, 3.0),
    ] {
        assert!((value - right).abs() < 1e-9, "{summary:?}");
    }
}

#[test]
fn stopping_everything_early_ranks_by_the_start() {
    let settings = settings(10.0, "fixed", &[("epoch", "2")]);
    let replay = play(&settings, &crossing(), ONE);
    assert!(replay.trials.iter().all(|trial| trial.observations == 2));
    assert!(
        replay
            .trials
            .iter()
            .all(|trial| trial.state == State::Stopped)
    );
    let summary = Summary::new(&replay, Goal::Maximize, 0.2);
    // At epoch 2 the curves are at 42 - 0.6 i: exactly the other way round.
    for (value, right) in [
        (summary.epochs_saved, 0.8),
        (summary.throughput_factor, 5.0),
        (summary.best_kept, 0.0),
        (summary.kendall_tau, -1.0),
        (summary.best_mean_difference, 8.0),
        (summary.regret, 9.0),
        (summary.stopped_why[&ReasonCode::Rule], 1.0),
    ] {
        assert!((value - right).abs() < 1e-9, "{summary:?}");
    }
}

#[test]
fn a_tie_with_the_last_of_the_best_counts_as_kept() {
    // By their truth the first is taken, by their reports the second.
    let curves = [[8.0, 5.0], [9.0, 5.0], [1.0, 5.0], [0.0, 1.0]].map(|values| curve(&values));
    let settings = settings(2.0, "fixed", &[("epoch", "1")]);
    let replay = play(&settings, &curves, ONE);
    let summary = Summary::new(&replay, Goal::Maximize, 0.25);
    assert!((summary.best_kept - 1.0).abs() < 1e-12);
    assert_eq!(summary.false_stop_rate, Some(0.0));
    assert!(summary.regret.abs() < 1e-12);
}

#[test]
fn of_a_minimized_metric_the_figures_are_the_mirrored_ones() {
    let summary = |goal: Goal, parameters: &[(&str, &str)]| {
        let mut settings = Settings::clone(&settings(10.0, "fixed", parameters));
        settings.goal = goal;
        let mut curves = crossing();
        if goal == Goal::Minimize {
            for point in curves.iter_mut().flatten() {
                point.value = 100.0 - point.value;
            }
        }
        Summary::new(&play(&Arc::new(settings), &curves, ONE), goal, 0.2)
    };
    for epoch in ["2", "5", "9"] {
        let [up, down] = [Goal::Maximize, Goal::Minimize].map(|goal| {
            let summary = summary(goal, &[("epoch", epoch)]);
            [
                summary.best_kept,
                summary.best_mean_difference,
                summary.mae,
                summary.kendall_tau,
                summary.regret,
            ]
        });
        let off = up.iter().zip(down).map(|(up, down)| (up - down).abs());
        assert!(off.fold(0.0, f64::max) < 1e-9, "{up:?} {down:?}");
    }
}

/// Four curves of 10 epochs that rise fast, or slowly.
fn risers() -> Vec<Vec<Observation>> {
    [(80.0, 2.0), (70.0, 1.5), (60.0, 3.0), (50.0, 1.3)]
        .map(|(end, base)| {
            let value = |epoch: i32| end * (1.0 - f64::powi(base, -epoch));
            curve(&(1..=10).map(value).collect::<Vec<f64>>())
        })
        .to_vec()
}

#[test]
fn intervals_are_held_against_the_truth() {
    // The curves are of the fitted family: every prediction is right.
    let exact = play(&settings(10.0, "peng4nn", &[]), &risers(), ONE);
    let summary = Summary::new(&exact, Goal::Maximize, 0.25);
    assert!(summary.stopped > 0.9, "{summary:?}");
    for trial in &exact.trials {
        let (wide, narrow) = (trial.interval.unwrap(), trial.interval_50.unwrap());
        assert!(wide.lower <= narrow.lower && narrow.upper <= wide.upper);
    }
    let covered = |shift: f64| {
        let mut replay = exact.clone();
        for (index, trial) in replay.trials.iter_mut().enumerate() {
            let interval = |half: f64, level| peng_predict::Interval {
                lower: trial.truth + shift - half,
                upper: trial.truth + shift + half,
                level,
            };
            trial.interval = Some(interval(2.0, 0.9));
            trial.interval_50 = (index < 2).then_some(interval(1.0, 0.5));
        }
        let summary = Summary::new(&replay, Goal::Maximize, 0.25);
        (summary.coverage_50, summary.coverage_90)
    };
    assert_eq!(covered(0.0), (Some(1.0), Some(1.0)));
    assert_eq!(covered(1.5), (Some(0.0), Some(1.0)));
    assert_eq!(covered(3.0), (Some(0.0), Some(0.0)));
    let rule = play(&settings(10.0, "fixed", &[]), &risers(), ONE);
    let summary = Summary::new(&rule, Goal::Maximize, 0.25);
    assert_eq!((summary.coverage_50, summary.coverage_90), (None, None));
}

#[test]
fn a_false_stop_is_one_of_the_best_that_its_report_hides() {
    let rates = |epoch: &str, best: f64| {
        let replay = play(
            &settings(10.0, "fixed", &[("epoch", epoch)]),
            &crossing(),
            ONE,
        );
        let summary = Summary::new(&replay, Goal::Maximize, best);
        (summary.best_kept, summary.false_stop_rate)
    };
    // At epoch 2 the order is the reverse of the true one, at 9 it is the true one.
    assert_eq!(rates("2", 0.2), (0.0, Some(1.0)));
    assert_eq!(rates("9", 0.2), (1.0, Some(0.0)));
    // All are chosen: none can be lost.
    assert_eq!(rates("2", 1.0), (1.0, Some(0.0)));
    assert_eq!(Summary::default().false_stop_rate, None);
}

#[test]
fn the_policy_sees_what_was_observed_by_then() {
    // One after the other, halving compares each with those before it; all at once, with those
    // that have begun.
    let settings = settings(10.0, "asha", &[("factor", "2")]);
    let curves = crossing();
    for workers in [1, 4, 10] {
        let schedule = Schedule { workers, seed: 1 };
        let replay = play(&settings, &curves, schedule);
        assert_eq!(replay, play(&settings, &curves, schedule), "reproducible");
        assert_eq!(replay.trials.len(), curves.len());
        let stopped = replay
            .trials
            .iter()
            .filter(|trial| trial.state == State::Stopped);
        assert!(stopped.count() > 3);
    }
    let orders =
        [1, 2, 3].map(|seed| play(&settings, &curves, Schedule { workers: 1, seed }).trials);
    assert!(orders[0] != orders[1] || orders[1] != orders[2]);
}

#[test]
fn a_diverged_curve_is_the_worst() {
    let curves = vec![
        curve(&[50.0, f64::NAN, f64::NAN]),
        curve(&[10.0, 20.0, 30.0]),
    ];
    let settings = settings(3.0, "fixed", &[("epoch", "9")]);
    let replay = play(&settings, &curves, ONE);
    let diverged = &replay.trials[0];
    assert_eq!((diverged.observations, diverged.state), (2, State::Stopped));
    assert!(diverged.reported.abs() < 1e-12 && diverged.truth.abs() < 1e-12);
}

#[test]
fn what_cannot_be_replayed_is_named() {
    let settings = settings(3.0, "fixed", &[]);
    let none: Schedule = Schedule {
        workers: 0,
        seed: 0,
    };
    let run = |curves: &[Vec<Observation>], schedule| {
        replay::run(&settings, curves, schedule, || Duration::ZERO).unwrap_err()
    };
    assert_eq!(run(&[], none), Failure::NoWorkers);
    assert_eq!(run(&[vec![]], ONE), Failure::EmptyCurve { curve: 0 });
    let outside = curve(&[101.0]);
    assert!(matches!(
        run(&[outside], ONE),
        Failure::Refused { curve: 0, .. }
    ));
}
