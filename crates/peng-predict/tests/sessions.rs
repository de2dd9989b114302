//! Properties of a trial's session: what it answers depends on what was observed and on nothing
//! else.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use peng_predict::experiment::Settings;
use peng_predict::policy::{self, peng4nn};
use peng_predict::trial::{self, Error, Session};
use peng_predict::{Decision, Epoch, Goal, Observation, ReasonCode, ValueRange, Verdict};
use proptest::prelude::*;

fn at(epoch: f64, value: f64) -> Observation {
    Observation::new(Epoch::new(epoch).unwrap(), value)
}

fn settings(policy: peng4nn::Spec) -> Arc<Settings> {
    let mut settings = Settings::accuracy(Epoch::new(40.0).unwrap());
    settings.policy = policy::Spec::Peng4nn(policy);
    Arc::new(settings)
}

/// A radius that no real predictions stay within.
fn never_stops() -> peng4nn::Spec {
    peng4nn::Spec::new(3, 3, 1e-12).unwrap()
}

fn specs() -> impl Strategy<Value = peng4nn::Spec> {
    prop_oneof![
        Just(peng4nn::Spec::default()),
        Just(peng4nn::Spec::penguin()),
        Just(peng4nn::Spec::a4nn()),
    ]
}

/// A learning curve, now and then with a value that is not finite.
fn curve() -> impl Strategy<Value = Vec<Observation>> {
    let value = prop_oneof![30 => -8.0..8.0_f64, 1 => Just(f64::NAN)];
    (
        20.0..90.0_f64,
        0.05..1.0_f64,
        prop::collection::vec(value, 1..25),
    )
        .prop_map(|(end, rate, errors)| {
            errors
                .into_iter()
                .enumerate()
                .map(|(index, error)| {
                    let epoch = (index + 1) as f64;
                    let value = end * (1.0 - (-rate * epoch).exp()) + error / epoch;
                    at(
                        epoch,
                        if value.is_nan() {
                            value
                        } else {
                            value.clamp(0.0, 100.0)
                        },
                    )
                })
                .collect()
        })
}

fn play(settings: &Arc<Settings>, curve: &[Observation]) -> Vec<Decision> {
    let mut session = Session::new(Arc::clone(settings));
    curve
        .iter()
        .map(|&point| session.observe(point).unwrap())
        .collect()
}

fn json(decision: &Decision) -> String {
    serde_json::to_string(decision).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_restored_trial_goes_on_as_if_not_interrupted(
        curve in curve(), spec in specs(), cut in any::<prop::sample::Index>(),
    ) {
        let settings = settings(spec);
        let decisions = play(&settings, &curve);
        let cut = cut.index(curve.len());
        let log = curve[..cut].iter().copied().zip(decisions[..cut].iter().cloned());
        let mut session = Session::restore(Arc::clone(&settings), log).unwrap();
        for (point, decision) in curve.iter().zip(&decisions).skip(cut) {
            prop_assert_eq!(&session.observe(*point).unwrap(), decision);
        }
        for (point, decision) in curve.iter().zip(&decisions) {
            let (value, logged) = session.decision_at(point.epoch).unwrap();
            prop_assert_eq!(value.to_bits(), point.value.to_bits());
            prop_assert_eq!(logged, decision);
        }
    }

    #[test]
    fn the_first_stop_is_latched(curve in curve(), spec in specs()) {
        let settings = settings(spec);
        let decisions = play(&settings, &curve);
        if let Some(first) = decisions.iter().position(Decision::is_stop) {
            for decision in &decisions[first..] {
                prop_assert_eq!(decision, &decisions[first]);
            }
        }
    }

    #[test]
    fn the_order_of_arrival_does_not_matter(
        (curve, shuffled) in curve().prop_flat_map(|curve| {
            let finite: Vec<_> = curve.into_iter().filter(|point| !point.is_diverged()).collect();
            (Just(finite.clone()), Just(finite).prop_shuffle())
        })
    ) {
        prop_assume!(!curve.is_empty());
        let settings = settings(never_stops());
        let in_order = play(&settings, &curve);
        prop_assume!(!in_order.iter().any(Decision::is_stop));
        let out_of_order = play(&settings, &shuffled);
        prop_assume!(!out_of_order.iter().any(Decision::is_stop));
        prop_assert_eq!(out_of_order.last(), in_order.last());
        prop_assert_eq!(Some(&trial::decide(&settings, &shuffled).unwrap()), in_order.last());
    }

    #[test]
    fn a_decision_survives_json(curve in curve(), spec in specs()) {
        for decision in play(&settings(spec), &curve) {
            let back: Decision = serde_json::from_str(&json(&decision)).unwrap();
            prop_assert_eq!(back, decision);
        }
    }

    #[test]
    fn the_unit_of_the_metric_does_not_matter(
        curve in curve(), goal in prop_oneof![Just(Goal::Maximize), Just(Goal::Minimize)],
    ) {
        let percent = settings(peng4nn::Spec::default());
        let mut other = Settings { goal, ..(*percent).clone() };
        other.range = ValueRange::new(-0.5, 1.5).unwrap();
        let other = Arc::new(other);
        let scale = other.scale();
        let scaled: Vec<_> = curve
            .iter()
            .map(|point| Observation { value: scale.to_value(point.value).clamp(-0.5, 1.5), ..*point })
            .map(|point| if point.value.is_nan() { Observation { value: f64::NAN, ..point } } else { point })
            .collect();
        for (a, b) in play(&percent, &curve).iter().zip(play(&other, &scaled)) {
            prop_assert_eq!(a.reason.code(), b.reason.code());
            if let (Some(a), Some(b)) = (&a.prediction, &b.prediction) {
                prop_assert!((a.fitness - scale.to_percent(b.fitness)).abs() < 1e-3);
            }
        }
    }

    #[test]
    fn by_observation_only_distances_of_epochs_matter(curve in curve(), shift in 1..50_u32) {
        let here = settings(peng4nn::Spec::penguin());
        let later = |epoch: Epoch| Epoch::new(epoch.get() + f64::from(shift)).unwrap();
        let there = Arc::new(Settings { target: later(here.target), ..(*here).clone() });
        let shifted: Vec<_> = curve
            .iter()
            .map(|point| Observation { epoch: later(point.epoch), ..*point })
            .collect();
        for (a, b) in play(&here, &curve).iter().zip(play(&there, &shifted)) {
            prop_assert_eq!(a.reason.code(), b.reason.code());
            prop_assert_eq!(&a.prediction, &b.prediction);
        }
    }

    #[test]
    fn any_input_is_answered(
        points in prop::collection::vec((prop::num::f64::ANY, prop::num::f64::ANY), 0..20),
        lower in prop::num::f64::ANY, upper in prop::num::f64::ANY, target in prop::num::f64::ANY, spec in specs(),
        minimize in any::<bool>(),
    ) {
        let mut settings = Settings::accuracy(Epoch::new(target).or(Epoch::new(1e300)).unwrap());
        settings.policy = policy::Spec::Peng4nn(spec);
        settings.range = ValueRange::new(lower, upper).unwrap_or_default();
        settings.goal = if minimize { Goal::Minimize } else { Goal::Maximize };
        let range = settings.range;
        let mut session = Session::new(Arc::new(settings));
        for (epoch, value) in points {
            let Ok(epoch) = Epoch::new(epoch.abs()) else { continue };
            for value in [value, (value % 1.0).abs() * range.upper() + (1.0 - (value % 1.0).abs()) * range.lower()] {
                match session.observe(Observation::new(epoch, value)) {
                    Ok(decision) => {
                        let back: Decision = serde_json::from_str(&json(&decision)).unwrap();
                        prop_assert_eq!(back, decision);
                        break;
                    }
                    Err(Error::OutOfRange { value, .. }) => prop_assert!(!range.contains(value)),
                    Err(Error::Duplicate { .. }) => break,
                    Err(error) => prop_assert!(false, "{error}"),
                }
            }
        }
    }
}

#[test]
fn observations_are_checked_and_refused_without_effect() {
    let mut session = Session::new(settings(never_stops()));
    session.observe(at(1.0, 10.0)).unwrap();
    let duplicate = session.observe(at(1.0, 11.0)).unwrap_err();
    assert!(matches!(duplicate, Error::Duplicate { logged, .. } if (logged - 10.0).abs() < 1e-12));
    let outside = session.observe(at(2.0, 100.5)).unwrap_err().to_string();
    assert!(
        outside.contains("100.5") && outside.contains("[0, 100]"),
        "{outside}"
    );
    assert_eq!(session.observations().count(), 1);
    session.observe(at(0.5, 5.0)).unwrap();
    assert_eq!(session.last(), Some(at(1.0, 10.0)));
    assert_eq!(
        trial::decide(session.settings(), &[]),
        Err(Error::NoObservations)
    );
}

#[test]
fn a_value_that_is_not_finite_is_a_stop() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut session = Session::new(settings(never_stops()));
        session.observe(at(1.0, 10.0)).unwrap();
        let decision = session.observe(at(2.0, value)).unwrap();
        assert_eq!(decision.verdict, Verdict::Stop);
        assert_eq!(decision.reason.code(), ReasonCode::Diverged);
        assert_eq!(decision.prediction, None);
        assert_eq!(session.observe(at(3.0, 50.0)).unwrap(), decision);
        assert_eq!(session.stop().unwrap().0.get().to_bits(), 2.0_f64.to_bits());
    }
}

#[test]
fn at_the_target_the_fitness_is_measured() {
    let mut session = Session::new(settings(never_stops()));
    for epoch in 36..40 {
        session
            .observe(at(f64::from(epoch), 50.0 + f64::from(epoch % 3)))
            .unwrap();
    }
    let decision = session.observe(at(40.0, 51.5)).unwrap();
    assert_eq!(decision.reason.code(), ReasonCode::Complete);
    assert_eq!(decision.verdict, Verdict::Continue);
    assert!((decision.prediction.unwrap().fitness - 51.5).abs() < 1e-12);
}

#[test]
fn a_late_decision_is_made_up_for() {
    let settings = settings(peng4nn::Spec::default());
    let value = |epoch: u32| 80.0 - 70.0 * (-0.4 * f64::from(epoch)).exp();
    let mut session = Session::new(Arc::clone(&settings));
    for epoch in 1..=4 {
        let late = Decision::out_of_time();
        assert!(late.stale && !late.is_stop());
        session
            .record(at(f64::from(epoch), value(epoch)), late)
            .unwrap();
    }
    let decision = session.observe(at(5.0, value(5))).unwrap();
    assert_eq!(decision.reason.code(), ReasonCode::Converged);
    assert!(
        decision.reason.to_string().contains("within 0.000 points"),
        "{}",
        decision.reason
    );
}

/// It is the curve that decides, so that a trial rebuilt from its log is answered alike.
#[test]
fn a_decision_that_would_fit_too_many_points_is_late() {
    const WINDOW: usize = 100;
    let settings = settings(peng4nn::Spec::new(3, WINDOW, 1e-9).unwrap());
    // Predictions of it never settle within so little.
    let saw = |epoch: usize| 0.1 * (epoch % 7) as f64;
    let value = |epoch: usize| 80.0 - 70.0 * (-1e-3 * epoch as f64).exp() + saw(epoch);
    let most = trial::MOST_POINTS_FITTED / WINDOW;
    let settings = Arc::new(Settings {
        target: Epoch::new(1e6).unwrap(),
        ..(*settings).clone()
    });
    let log = (1..most).map(|epoch| (at(epoch as f64, value(epoch)), Decision::out_of_time()));
    let mut log: Vec<_> = log.collect();
    for (epoch, late) in [(most, false), (most + 1, true), (most + 2, true)] {
        let observation = at(epoch as f64, value(epoch));
        let mut session = Session::restore(Arc::clone(&settings), log.clone()).unwrap();
        let decision = session.observe(observation).unwrap();
        assert_eq!(decision.stale, late, "{epoch}: {decision}");
        assert!(!decision.is_stop());
        log.push((observation, decision));
    }
    // None of them was asked of the session before.
    let mut session = Session::restore(settings, log[..most - 1].to_vec()).unwrap();
    for (observation, decision) in &log[most - 1..] {
        assert_eq!(session.observe(*observation).as_ref(), Ok(decision));
    }
}

#[test]
fn settings_are_read_from_json_and_name_what_is_wrong() {
    let text = r#"{"goal": "maximize", "target": 20, "policy": {"name": "peng4nn", "window": 4}}"#;
    let read: Settings = serde_json::from_str(text).unwrap();
    let policy::Spec::Peng4nn(spec) = &read.policy else {
        panic!("{read:?}")
    };
    assert_eq!((spec.window(), spec.c_min()), (4, 3));
    let again: Settings = serde_json::from_str(&serde_json::to_string(&read).unwrap()).unwrap();
    assert_eq!(again, read);
    for (wrong, word) in [
        (text.replace("20", "0"), "epoch"),
        (text.replace("window", "widow"), "widow"),
        (text.replace(": 4", ": 1"), "window"),
        (text.replace("peng4nn", "penguin"), "peng4nn"),
    ] {
        let error = serde_json::from_str::<Settings>(&wrong)
            .unwrap_err()
            .to_string();
        assert!(error.contains(word), "{error}");
    }
}
