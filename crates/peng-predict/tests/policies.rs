//! Every policy on hand-made curves, against the semantics that its source states.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use peng_predict::experiment::{Event, Experiment, Settings};
use peng_predict::policy::{Error, Spec};
use peng_predict::trial::Session;
use peng_predict::{Decision, Epoch, Goal, Observation, ReasonCode};

fn at(epoch: f64, value: f64) -> Observation {
    Observation::new(Epoch::new(epoch).unwrap(), value)
}

fn experiment(name: &str, parameters: &[(&str, &str)]) -> Experiment {
    experiment_to(27.0, name, parameters)
}

fn experiment_to(target: f64, name: &str, parameters: &[(&str, &str)]) -> Experiment {
    let mut settings = Settings::accuracy(Epoch::new(target).unwrap());
    settings.policy = Spec::parse(name, parameters).unwrap();
    Experiment::new(Arc::new(settings))
}

/// Observes values at epochs 1, 2, .. and says where the trial was stopped, if it was.
fn play(session: &mut Session, values: &[f64]) -> Option<(f64, ReasonCode)> {
    for (index, &value) in values.iter().enumerate() {
        let decision = session.observe(at((index + 1) as f64, value)).unwrap();
        if decision.is_stop() {
            return Some(((index + 1) as f64, decision.reason.code()));
        }
    }
    None
}

fn complete(experiment: &Experiment, trial: u64, values: &[f64]) {
    let mut session = experiment.start(trial);
    assert_eq!(play(&mut session, values), None);
    session.complete();
}

#[test]
fn fixed_stops_at_its_epoch_or_share() {
    let curve: Vec<f64> = (1..=20).map(f64::from).collect();
    for (parameters, stop) in [
        (vec![("epoch", "5")], 5.0),
        (vec![("share", "0.25")], 7.0),
        (vec![], 14.0),
    ] {
        let mut session = experiment("fixed", &parameters).start(0);
        assert_eq!(play(&mut session, &curve), Some((stop, ReasonCode::Rule)));
        let (_, decision) = session.stop().unwrap();
        let reported = decision.prediction.as_ref().unwrap().fitness;
        assert!((reported - stop).abs() < 1e-12, "the value so far");
    }
}

#[test]
fn a_share_is_not_an_observation_late_by_rounding() {
    for (share, stop) in [("0.07", 7), ("0.14", 14), ("0.28", 28), ("0.55", 55)] {
        for (policy, key) in [("fixed", "share"), ("asha", "first_share")] {
            let experiment = experiment_to(100.0, policy, &[(key, share)]);
            let mut better = experiment.start(0);
            let trial = if policy == "asha" {
                better.observe(at(f64::from(stop), 60.0)).unwrap();
                &mut experiment.start(1)
            } else {
                &mut better
            };
            let stopped = play(trial, &[50.0; 99]);
            assert_eq!(
                stopped,
                Some((f64::from(stop), ReasonCode::Rule)),
                "{policy}"
            );
        }
    }
}

#[test]
fn patience_counts_observations_without_an_improvement() {
    let experiment = experiment("patience", &[("observations", "3"), ("min_gain", "0.5")]);
    // 10.5 is no improvement on 10 by more than 0.5; 11 is, and 3 observations after it stop.
    let stop = play(
        &mut experiment.start(0),
        &[10.0, 10.5, 10.2, 11.0, 11.5, 11.3, 11.4],
    );
    assert_eq!(stop, Some((7.0, ReasonCode::Plateau)));
    let warm = [("observations", "1"), ("warmup_epochs", "4")];
    let stop = play(
        &mut self::experiment("patience", &warm).start(0),
        &[5.0; 10],
    );
    assert_eq!(stop, Some((4.0, ReasonCode::Plateau)));
}

#[test]
fn patience_recounts_where_a_gap_is_filled() {
    let experiment = experiment("patience", &[("observations", "3")]);
    let mut session = experiment.start(0);
    for (epoch, value) in [(1.0, 10.0), (2.0, 10.0), (4.0, 12.0), (5.0, 11.0)] {
        assert!(!session.observe(at(epoch, value)).unwrap().is_stop());
    }
    assert!(!session.observe(at(3.0, 20.0)).unwrap().is_stop());
    let decision = session.observe(at(6.0, 11.0)).unwrap();
    assert!(decision.is_stop(), "20 at epoch 3, then three below");
}

#[test]
fn median_compares_the_best_so_far_with_completed_trials() {
    let experiment = experiment("median", &[("startup_trials", "3")]);
    complete(&experiment, 1, &[10.0, 20.0, 30.0]);
    complete(&experiment, 2, &[20.0, 30.0, 40.0]);
    // Two completed trials are not three.
    assert_eq!(play(&mut experiment.start(8), &[0.0]), None);
    complete(&experiment, 3, &[30.0, 40.0, 50.0]);
    assert_eq!(
        play(&mut experiment.start(4), &[19.9]),
        Some((1.0, ReasonCode::Rule))
    );
    // A tie goes on; a value that fell counts with the best before it.
    assert_eq!(play(&mut experiment.start(5), &[20.0, 30.0, 40.0]), None);
    assert_eq!(
        play(&mut experiment.start(6), &[35.0, 5.0, 5.0]),
        Some((3.0, ReasonCode::Rule))
    );
    // At an epoch that no completed trial reported there is nothing to compare with.
    let decision = experiment.start(7).observe(at(1.5, 0.0)).unwrap();
    assert!(!decision.is_stop());
}

#[test]
fn the_running_average_is_what_vizier_compares_with() {
    let vizier = [("startup_trials", "1"), ("running_average", "true")];
    let experiment = experiment("median", &vizier);
    complete(&experiment, 1, &[0.0, 40.0]);
    assert_eq!(play(&mut experiment.start(2), &[0.0, 20.0]), None);
    assert_eq!(
        play(&mut experiment.start(3), &[0.0, 19.9]),
        Some((2.0, ReasonCode::Rule))
    );
}

#[test]
fn the_median_of_a_minimized_metric_is_the_other_way_round() {
    let mut settings = Settings::accuracy(Epoch::new(27.0).unwrap());
    settings.goal = Goal::Minimize;
    settings.policy = Spec::parse("median", &[("startup_trials", "1")]).unwrap();
    let experiment = Experiment::new(Arc::new(settings));
    complete(&experiment, 1, &[50.0, 40.0]);
    assert_eq!(play(&mut experiment.start(2), &[49.0, 39.0]), None);
    assert_eq!(
        play(&mut experiment.start(3), &[51.0]),
        Some((1.0, ReasonCode::Rule))
    );
}

#[test]
fn the_median_waits_for_warmup_and_interval() {
    let parameters = [
        ("startup_trials", "1"),
        ("warmup_epochs", "2"),
        ("interval_epochs", "3"),
    ];
    let experiment = experiment("median", &parameters);
    complete(&experiment, 1, &[50.0; 10]);
    assert_eq!(
        play(&mut experiment.start(2), &[0.0; 10]),
        Some((2.0, ReasonCode::Rule))
    );
    let mut values = vec![50.0; 10];
    values[2..].fill(0.0);
    let mut session = experiment.start(3);
    assert_eq!(play(&mut session, &values), None, "the best so far is kept");
    // Above at epoch 2 and below from 3 on; the next comparison is at 5.
    let experiment = self::experiment("median", &parameters);
    complete(&experiment, 1, &[10.0, 10.0, 50.0, 50.0, 50.0, 50.0]);
    assert_eq!(
        play(&mut experiment.start(2), &[20.0; 6]),
        Some((5.0, ReasonCode::Rule))
    );
}

#[test]
fn halving_promotes_one_in_so_many_at_each_rung() {
    // Rungs at 1, 3 and 9 epochs.
    let experiment = experiment("asha", &[]);
    // Alone it is the best; the second is worse, the third better than both.
    assert_eq!(play(&mut experiment.start(1), &[10.0, 10.0]), None);
    assert_eq!(
        play(&mut experiment.start(2), &[9.0]),
        Some((1.0, ReasonCode::Rule))
    );
    assert_eq!(
        play(&mut experiment.start(3), &[10.0]),
        None,
        "a tie goes on"
    );
    assert_eq!(play(&mut experiment.start(4), &[11.0]), None);
    assert_eq!(
        play(&mut experiment.start(5), &[10.5]),
        Some((1.0, ReasonCode::Rule)),
        "one of five"
    );
    assert_eq!(
        play(&mut experiment.start(6), &[10.9]),
        None,
        "two of six: 11 and 10.9"
    );
    // One observation that passes two rungs is judged at both.
    let mut early = experiment.start(7);
    assert!(!early.observe(at(3.0, 50.0)).unwrap().is_stop());
    let mut late = experiment.start(8);
    let decision = late.observe(at(4.0, 40.0)).unwrap();
    assert!(decision.is_stop(), "in the first rung, but not the second");
}

#[test]
fn the_first_rung_may_be_a_share_and_none_is_at_the_target() {
    let share = format!("{}", 1.0 / 9.0);
    let experiment = experiment_to(9.0, "asha", &[("first_share", &share)]);
    let mut best = experiment.start(1);
    assert_eq!(play(&mut best, &[90.0; 9]), None);
    let mut worse = experiment.start(2);
    assert_eq!(play(&mut worse, &[50.0; 9]), Some((1.0, ReasonCode::Rule)));
}

#[test]
fn bootstrap_trials_stop_at_the_first_rung() {
    let experiment = experiment("asha", &[("bootstrap_trials", "2")]);
    for (trial, value, stops) in [(1, 99.0, true), (2, 98.0, true), (3, 99.5, false)] {
        let stop = play(&mut experiment.start(trial), &[value]);
        assert_eq!(stop.is_some(), stops, "{trial}");
    }
}

#[test]
fn hyperband_compares_within_a_bracket() {
    let experiment = experiment("hyperband", &[]);
    let Spec::Hyperband(spec) = &experiment.settings().policy else {
        panic!("another policy");
    };
    let target = experiment.settings().target;
    // log_3(27) + 1 brackets; ceil(4 * 3^s / (s + 1)) for s = 3, 2, 1, 0.
    assert_eq!(spec.odds(target), [27, 12, 6, 4]);
    let mut drawn = [0_u32; 4];
    for trial in 0..4900 {
        drawn[spec.bracket(trial, target)] += 1;
    }
    for (drawn, odds) in drawn.iter().zip(spec.odds(target)) {
        let expected = 100.0 * f64::from(u32::try_from(odds).unwrap());
        assert!((f64::from(*drawn) - expected).abs() < 5.0 * expected.sqrt());
    }
    // The last bracket has no rung before the target: it goes on whatever it sees.
    let free = (0..4900)
        .find(|&trial| spec.bracket(trial, target) == 3)
        .unwrap();
    complete(&experiment, free, &[0.0; 26]);
    let judged: Vec<u64> = (0..)
        .filter(|&trial| spec.bracket(trial, target) == 1)
        .take(2)
        .collect();
    assert_eq!(play(&mut experiment.start(judged[0]), &[50.0; 4]), None);
    assert_eq!(
        play(&mut experiment.start(judged[1]), &[40.0; 4]),
        Some((3.0, ReasonCode::Rule)),
        "its first rung is at 3 epochs"
    );
}

#[test]
fn any_of_stops_with_the_first_and_shows_a_curve_before() {
    let parameters = [
        ("policies", "fixed, peng4nn"),
        ("fixed.epoch", "6"),
        ("peng4nn.radius", "1e-9"),
    ];
    let experiment = experiment("any_of", &parameters);
    let mut session = experiment.start(0);
    let noisy = [10.0, 30.0, 40.0, 43.0, 47.0, 48.0];
    for (index, &value) in noisy.iter().enumerate() {
        let decision = session.observe(at((index + 1) as f64, value)).unwrap();
        assert_eq!(decision.is_stop(), index == 5);
        let has_curve = decision.prediction.is_some_and(|made| made.curve.is_some());
        assert_eq!(has_curve, (2..5).contains(&index));
    }
}

#[test]
fn a_relative_threshold_is_a_share_of_the_median() {
    let curve: Vec<f64> = (1..=20)
        .map(|x| 10.0 - 8.0 * 0.8_f64.powi(x) + if x % 2 == 0 { 0.05 } else { -0.05 })
        .collect();
    let stop = |threshold| {
        let parameters = [("threshold", threshold), ("radius", "1")];
        play(&mut experiment("peng4nn", &parameters).start(0), &curve)
    };
    let (absolute, relative) = (stop("absolute").unwrap(), stop("relative").unwrap());
    assert!(absolute.0 < relative.0, "1 point is wider than 1 % of 10");
}

#[test]
fn a_network_that_never_learns_is_stopped_if_asked_for() {
    let parameters = [("never_learns_epochs", "4"), ("radius", "1e-9")];
    let flat = [10.0, 9.9, 10.0, 9.8, 9.9, 10.0];
    let stop = play(&mut experiment("peng4nn", &parameters).start(0), &flat);
    assert_eq!(stop, Some((5.0, ReasonCode::NeverLearns)));
}

#[test]
fn parameters_that_are_wrong_are_named_with_what_would_be_right() {
    for (name, parameters, words) in [
        (
            "asha",
            vec![("factor", "1")],
            vec!["factor", "between 2 and 100"],
        ),
        (
            "asha",
            vec![("fctor", "3")],
            vec!["fctor", "`factor`", "`first_share`"],
        ),
        (
            "asha",
            vec![("first_epoch", "1"), ("first_share", "0.1")],
            vec!["exclude"],
        ),
        (
            "median",
            vec![("percentile", "half")],
            vec!["percentile", "a number", "half"],
        ),
        (
            "median",
            vec![("startup_trials", "-1")],
            vec!["startup_trials", "whole"],
        ),
        ("fixed", vec![("share", "1.5")], vec!["share", "below 1"]),
        ("fixed", vec![("epoch", "0")], vec!["above 0"]),
        (
            "patience",
            vec![("min_gain", "NaN")],
            vec!["min_gain", "0 and 100"],
        ),
        (
            "hyperband",
            vec![("factor", "1000")],
            vec!["hyperband", "factor"],
        ),
        (
            "peng4nn",
            vec![("axis", "epoch")],
            vec!["axis", "by_observation, by_epoch"],
        ),
        ("peng4nn", vec![("family", "cubic")], vec!["family", "exp"]),
        (
            "any_of",
            vec![("policies", "asha,any_of")],
            vec!["must not contain any_of"],
        ),
        (
            "any_of",
            vec![("policies", "fixed"), ("asha.factor", "3")],
            vec!["asha.factor"],
        ),
        (
            "any_of",
            vec![("policies", "asha"), ("asha.factor", "0")],
            vec!["asha", "factor"],
        ),
        ("nothing", vec![], vec!["nothing", "peng4nn", "hyperband"]),
    ] {
        let error = Spec::parse(name, &parameters).unwrap_err();
        let text = error.to_string();
        for word in words {
            assert!(text.contains(word), "{word} in: {text}");
        }
        assert_eq!(
            matches!(error, Error::UnknownName { .. }),
            name == "nothing"
        );
    }
}

/// Trials in turn, one epoch each, the worse ones stopped; the log of what happened.
fn interleaved(experiment: &Experiment, trials: u64) -> Vec<(u64, Event)> {
    let mut sessions: Vec<Session> = (0..trials).map(|trial| experiment.start(trial)).collect();
    let mut log = Vec::new();
    for epoch in 1..27_u32 {
        for (trial, session) in (0..).zip(&mut sessions) {
            // A trial a few epochs behind its neighbour, of a quality of its own.
            let Some(own) = epoch
                .checked_sub(u32::try_from(trial % 5).unwrap())
                .filter(|&own| own > 0)
            else {
                continue;
            };
            if session.stop().is_some() {
                continue;
            }
            let value = (trial * 37 % 83) as f64 + 15.0 * (1.0 - 0.8_f64.powi(own.cast_signed()));
            let observation = at(f64::from(own), value);
            let decision = session.observe(observation).unwrap();
            log.push((trial, Event::Observed(observation, decision)));
            if own == 20 {
                session.complete();
                log.push((trial, Event::Completed));
            }
        }
    }
    log
}

#[test]
fn an_experiment_is_rebuilt_from_its_log() {
    let parts = [("policies", "median,asha"), ("median.startup_trials", "2")];
    for (name, parameters) in [
        ("median", &[("startup_trials", "2")][..]),
        ("asha", &[]),
        ("hyperband", &[]),
        ("any_of", &parts),
    ] {
        let whole = experiment(name, parameters);
        let log = interleaved(&whole, 40);
        assert!(
            log.iter().any(
                |(_, event)| matches!(event, Event::Observed(_, decision) if decision.is_stop())
            )
        );
        for cut in [1, 17, 100, log.len() * 2 / 3] {
            let settings = Arc::clone(whole.settings());
            let (again, mut sessions) =
                Experiment::restore(settings, log[..cut].iter().cloned()).unwrap();
            for (trial, event) in &log[cut..] {
                let session = sessions
                    .entry(*trial)
                    .or_insert_with(|| again.start(*trial));
                match event {
                    Event::Observed(observation, decision) => {
                        assert_eq!(&session.observe(*observation).unwrap(), decision, "{name}");
                    }
                    Event::Completed => session.complete(),
                    Event::Declared(_) | Event::Ended => {}
                }
            }
        }
    }
}

#[test]
fn a_recalled_trial_is_not_learned_from_twice() {
    let experiment = experiment("asha", &[]);
    let mut session = experiment.start(1);
    let observation = at(1.0, 50.0);
    let decision = session.observe(observation).unwrap();
    drop(session);
    let log: Vec<(Observation, Decision)> = vec![(observation, decision)];
    for _ in 0..10 {
        let again = experiment.recall(1, None, log.clone()).unwrap();
        assert_eq!(again.len(), 1);
    }
    assert_eq!(
        play(&mut experiment.start(2), &[49.0]),
        Some((1.0, ReasonCode::Rule)),
        "the second of two, not of twelve"
    );
    assert_eq!(play(&mut experiment.start(3), &[51.0]), None);
}
