//! The policy `adaptive`: what it decides, and that it decides the same after its state was
//! dropped.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use peng_predict::experiment::{Event, Experiment, Settings};
use peng_predict::policy::Spec;
use peng_predict::trial::Session;
use peng_predict::{
    Decision, Epoch, Goal, Mode, Observation, Reason, ReasonCode, ValueRange, rate,
};
use proptest::prelude::*;

const TARGET: u32 = 20;

fn settings(name: &str, parameters: &[(&str, &str)]) -> Settings {
    let mut settings = Settings::accuracy(Epoch::new(f64::from(TARGET)).unwrap());
    settings.policy = Spec::parse(name, parameters).unwrap();
    settings
}

fn experiment(parameters: &[(&str, &str)]) -> Experiment {
    Experiment::new(Arc::new(settings("adaptive", parameters)))
}

/// A number in [0, 1) that looks random.
fn noise(trial: u64, epoch: u32) -> f64 {
    ((trial as f64 * 12.9898 + f64::from(epoch) * 78.233).sin() * 43_758.545_3)
        .fract()
        .abs()
}

/// A network's noisy accuracy: it tends to its own end at its own rate.
fn value(trial: u64, epoch: u32) -> f64 {
    let (end, rate) = (
        40.0 + 50.0 * noise(trial, 1000),
        0.1 + 0.3 * noise(trial, 2000),
    );
    end * (1.0 - (-rate * f64::from(epoch)).exp()) + noise(trial, epoch)
}

fn at(epoch: u32, value: f64) -> Observation {
    Observation::new(Epoch::new(f64::from(epoch)).unwrap(), value)
}

/// Trains a trial up to the target or to its STOP.
fn train(experiment: &Experiment, trial: u64) -> Vec<Decision> {
    let mut session = experiment.start(trial);
    let mut decisions = Vec::new();
    for epoch in 1..=TARGET {
        let decision = session.observe(at(epoch, value(trial, epoch))).unwrap();
        let stops = decision.is_stop();
        decisions.push(decision);
        if stops {
            return decisions;
        }
    }
    session.complete();
    decisions
}

fn bits(decision: &Decision) -> String {
    serde_json::to_string(decision).unwrap()
}

#[test]
fn the_first_trials_run_to_their_end_with_an_extrapolation() {
    let experiment = experiment(&[]);
    for trial in 0..4 {
        let decisions = train(&experiment, trial);
        assert_eq!(decisions.len(), TARGET as usize);
        let early = &decisions[9];
        assert_eq!(
            early.reason.code(),
            ReasonCode::Learning,
            "{}",
            early.reason
        );
        let prediction = early.prediction.as_ref().unwrap();
        let (wide, narrow) = (
            prediction.interval.unwrap(),
            prediction.interval_50.unwrap(),
        );
        assert!(wide.lower <= narrow.lower && narrow.lower <= prediction.fitness);
        assert!(wide.upper >= narrow.upper && narrow.upper >= prediction.fitness);
        assert_eq!(prediction.curve.is_some(), trial < 3);
    }
}

#[test]
fn the_hopeless_are_stopped_and_the_best_are_kept() {
    let experiment = experiment(&[]);
    let runs: Vec<Vec<Decision>> = (0..300).map(|trial| train(&experiment, trial)).collect();
    let used: usize = runs.iter().map(Vec::len).sum();
    assert!(used < 300 * TARGET as usize * 6 / 10, "{used} epochs");
    let mut by_truth: Vec<u64> = (0..300).collect();
    by_truth.sort_by(|a, b| value(*b, TARGET).total_cmp(&value(*a, TARGET)));
    let is_lost = |trial: &&u64| {
        let last = runs[usize::try_from(**trial).unwrap()].last().unwrap();
        matches!(last.reason, Reason::Dominated { .. })
    };
    let lost = by_truth[..30].iter().filter(is_lost).count();
    assert!(lost <= 6, "{lost} of 30");
}

#[test]
fn what_stops_give_up_is_no_more_than_the_risk_allows() {
    for risk in [0.02, 0.25, 1.0] {
        let experiment = experiment(&[("risk", &risk.to_string()), ("explore", "0")]);
        let mut given_up = 0.0;
        let mut boldest: f64 = 0.0;
        for trial in 0..300 {
            let last = train(&experiment, trial).pop().unwrap();
            if let Reason::Dominated {
                probability,
                threshold,
            } = last.reason
            {
                given_up += probability;
                boldest = boldest.max(threshold);
            }
            let allowed = 0.1 * risk * (trial + 2) as f64;
            assert!(given_up <= allowed, "{given_up} of {allowed}");
        }
        assert!(boldest > 0.1 * risk, "what is left is given to the next");
    }
}

#[test]
fn a_lower_tolerance_trains_longer_for_reports_that_are_closer() {
    let mut before = (usize::MAX, -1.0);
    for tolerance in [0.25, 1.0, 3.0] {
        let experiment = experiment(&[("tolerance", &tolerance.to_string()), ("explore", "0")]);
        let (mut used, mut off, mut held) = (0, 0.0, 0);
        for trial in 0..300 {
            let decisions = train(&experiment, trial);
            used += decisions.len();
            let last = decisions.last().unwrap();
            if let Reason::Dominated { .. } = last.reason {
                let reported = last.prediction.as_ref().unwrap().fitness;
                off += (reported - value(trial, TARGET)).abs() / 300.0;
            }
            let is_held = |decision: &&Decision| {
                matches!(decision.reason, Reason::Promising { probability, threshold }
                    if probability < threshold)
            };
            for decision in decisions.iter().filter(is_held) {
                held += 1;
                let told = decision.reason.to_string();
                assert!(told.ends_with("is not known well enough yet"), "{told}");
            }
        }
        assert!(off <= tolerance, "{off} of {tolerance}");
        assert!(held > 0, "{tolerance}");
        assert!(used < before.0 && off > before.1, "{used} epochs, {off}");
        before = (used, off);
    }
}

#[test]
fn a_stop_says_its_chance_its_threshold_and_both_intervals() {
    let experiment = experiment(&[]);
    let stop = (0..100)
        .filter_map(|trial| train(&experiment, trial).pop())
        .find(|decision| decision.reason.code() == ReasonCode::Dominated)
        .unwrap();
    let Reason::Dominated {
        probability,
        threshold,
    } = stop.reason
    else {
        panic!("{}", stop.reason)
    };
    assert!(probability < threshold && threshold < 0.1);
    let prediction = stop.prediction.unwrap();
    assert!((prediction.interval.unwrap().level - 0.9).abs() < 1e-12);
    assert!((prediction.interval_50.unwrap().level - 0.5).abs() < 1e-12);
}

#[test]
fn an_explored_trial_is_never_stopped_and_calibrates_once() {
    let experiment = experiment(&[("explore", "1")]);
    let mut explored = 0;
    for trial in 0..60 {
        let decisions = train(&experiment, trial);
        assert_eq!(decisions.len(), TARGET as usize);
        let code = ReasonCode::Explored;
        explored += u64::from(
            decisions
                .iter()
                .any(|decision| decision.reason.code() == code),
        );
    }
    let calibration = experiment.calibration().unwrap();
    assert_eq!(calibration.stops, explored);
    assert!(
        explored > 20 && calibration.covered_90 * 10 > explored * 7,
        "{calibration:?}"
    );
    assert!(calibration.covered_50 < calibration.covered_90);
    assert!(calibration.best >= calibration.lost_best && calibration.best > 0);
}

#[test]
fn advised_stops_that_went_on_calibrate_and_correct_the_memory() {
    let mut settings = settings("adaptive", &[("explore", "0")]);
    settings.mode = Mode::Advise;
    let experiment = Experiment::new(Arc::new(settings));
    let mut stops = 0;
    for trial in 0..60 {
        let mut session = experiment.start(trial);
        for epoch in 1..=TARGET {
            session.observe(at(epoch, value(trial, epoch))).unwrap();
        }
        stops += u64::from(session.stop().is_some());
        session.complete();
    }
    assert!(stops > 20);
    assert_eq!(experiment.calibration().unwrap().stops, stops);
}

#[test]
fn what_arrives_after_the_target_is_remembered_at_its_place() {
    // The target comes before some of the epochs on the way to it.
    let learned = |epochs: &[u32]| {
        let experiment = experiment(&[("explore", "1")]);
        for trial in 0..8 {
            let mut session = experiment.start(trial);
            for &epoch in epochs {
                session.observe(at(epoch, value(trial, epoch))).unwrap();
            }
            session.complete();
        }
        train(&experiment, 8)
    };
    let in_order = learned(&[1, 2, 3, 5, 8, 13, TARGET]);
    let late = learned(&[5, 13, TARGET, 1, 8, 2, 3]);
    assert_eq!(in_order, late);
}

#[test]
fn a_wide_range_does_not_make_everything_known() {
    let mut wide = settings("adaptive", &[]);
    wide.range = ValueRange::new(0.0, 1e300).unwrap();
    let wide = Experiment::new(Arc::new(wide));
    let known = |experiment: &Experiment| {
        (0..150)
            .filter_map(|trial| train(experiment, trial).pop())
            .filter(|decision| matches!(decision.reason, Reason::Known { .. }))
            .count()
    };
    let (by_default, given) = (known(&wide), known(&experiment(&[("accuracy", "1e298")])));
    assert!(
        by_default < given,
        "{by_default} of 150, {given} where anything is enough"
    );
}

#[test]
fn values_of_any_size_are_answered() {
    let mut settings = settings("adaptive", &[]);
    settings.range = ValueRange::new(-1e300, 1e300).unwrap();
    let experiment = Experiment::new(Arc::new(settings));
    let sizes = [1e300, -1e300, 1e-300, 0.0, 1e150, 5e-324];
    for trial in 0..40_usize {
        let mut session = experiment.start(trial as u64);
        for epoch in 1..=TARGET {
            let value = sizes[(trial * 7 + epoch as usize) % sizes.len()];
            let decision = session.observe(at(epoch, value)).unwrap();
            let back: Decision = serde_json::from_str(&bits(&decision)).unwrap();
            assert_eq!(back, decision);
            if decision.is_stop() {
                break;
            }
        }
        session.complete();
    }
}

#[test]
fn equal_curves_keep_their_value() {
    let experiment = experiment(&[("explore", "0")]);
    let mut stops = 0;
    for trial in 0..50 {
        let mut session = experiment.start(trial);
        for epoch in 1..=TARGET {
            let decision = session.observe(at(epoch, 10.0)).unwrap();
            let fitness = decision.prediction.unwrap().fitness;
            assert!((fitness - 10.0).abs() < 1e-9, "{fitness}");
        }
        stops += u32::from(session.stop().is_some());
        session.complete();
    }
    assert!(stops > 10, "nothing is lost by stopping them: {stops}");
}

#[test]
fn a_minimized_metric_is_the_mirror_image() {
    let mut minimized = settings("adaptive", &[]);
    minimized.goal = Goal::Minimize;
    minimized.range = ValueRange::new(-100.0, 0.0).unwrap();
    let (up, down) = (experiment(&[]), Experiment::new(Arc::new(minimized)));
    for trial in 0..80 {
        let (mut up, mut down) = (up.start(trial), down.start(trial));
        for epoch in 1..=TARGET {
            let value = value(trial, epoch);
            let a = up.observe(at(epoch, value)).unwrap();
            let b = down.observe(at(epoch, -value)).unwrap();
            assert_eq!((a.verdict, &a.reason), (b.verdict, &b.reason));
            let (a, b) = (a.prediction.unwrap(), b.prediction.unwrap());
            assert_eq!((a.fitness + b.fitness).to_bits(), 0);
            if let (Some(a), Some(b)) = (a.interval, b.interval) {
                assert_eq!((a.lower + b.upper).to_bits(), 0);
                assert_eq!((a.upper + b.lower).to_bits(), 0);
            }
        }
        up.complete();
        down.complete();
    }
}

#[test]
fn a_part_of_any_of_stops_as_it_does_alone() {
    let parts = [
        ("policies", "adaptive,patience"),
        ("patience.observations", "10000"),
    ];
    let both = Experiment::new(Arc::new(settings("any_of", &parts)));
    let alone = experiment(&[]);
    for trial in 0..80 {
        let (both, alone) = (train(&both, trial), train(&alone, trial));
        assert_eq!(both.last().unwrap(), alone.last().unwrap());
        assert_eq!(both.len(), alone.len());
    }
    assert!(both.calibration().is_some());
}

#[test]
fn wrong_parameters_are_named() {
    for (key, bad) in [
        ("best_fraction", "0"),
        ("best_fraction", "0.6"),
        ("risk", "NaN"),
        ("risk", "1.1"),
        ("explore", "-0.1"),
        ("accuracy", "inf"),
        ("accuracy", "-1"),
        ("startup_trials", "1000001"),
    ] {
        let error = Spec::parse("adaptive", &[(key, bad)])
            .unwrap_err()
            .to_string();
        assert!(error.contains(key), "{key} in: {error}");
    }
}

/// What happens next in an experiment under way.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The trial reports its next epoch but so many, which are left for later.
    Observe { trial: u64, skip: u32 },
    /// The trial reports the first epoch that it left out.
    Fill { trial: u64 },
    /// The same, and the time for a decision runs out.
    Late { trial: u64 },
    /// The trial is trained on to its end, whatever was decided.
    Finish { trial: u64 },
    /// The trial's session is dropped and rebuilt when it is needed.
    Drop { trial: u64 },
}

fn step(trials: u64) -> impl Strategy<Value = Step> {
    let trial = 0..trials;
    prop_oneof![
        40 => (trial.clone(), 0..3_u32).prop_map(|(trial, skip)| Step::Observe { trial, skip }),
        4 => trial.clone().prop_map(|trial| Step::Fill { trial }),
        4 => trial.clone().prop_map(|trial| Step::Late { trial }),
        3 => trial.clone().prop_map(|trial| Step::Finish { trial }),
        3 => trial.prop_map(|trial| Step::Drop { trial }),
    ]
}

/// Trials under way, driven by steps; the log of what happened.
struct Driver {
    experiment: Experiment,
    sessions: BTreeMap<u64, Session>,
    finished: Vec<u64>,
    log: Vec<(u64, Event)>,
    /// Whether trials declare schedules.
    declares: bool,
    /// Trials that have begun.
    known: BTreeSet<u64>,
}

/// Of three trials one steps early, one late, and one says nothing.
fn schedule(trial: u64) -> Option<Arc<rate::Schedule>> {
    let text = ["steps=5,12", "steps=9,14*0.3", ""][usize::try_from(trial % 3).unwrap()];
    text.parse().ok().map(Arc::new)
}

impl Driver {
    fn new(experiment: Experiment, declares: bool) -> Self {
        Self {
            experiment,
            declares,
            known: BTreeSet::new(),
            sessions: BTreeMap::new(),
            finished: Vec::new(),
            log: Vec::new(),
        }
    }

    fn session(&mut self, trial: u64) -> &mut Session {
        let schedule = self.declares.then(|| schedule(trial)).flatten();
        if self.known.insert(trial)
            && let Some(schedule) = &schedule
        {
            let declared = Event::Declared(Arc::clone(schedule));
            self.log.push((trial, declared));
        }
        let (experiment, log) = (&self.experiment, &self.log);
        self.sessions.entry(trial).or_insert_with(|| {
            let own = log.iter().filter_map(|(other, event)| match event {
                Event::Observed(observation, decision) if *other == trial => {
                    Some((*observation, decision.clone()))
                }
                _ => None,
            });
            experiment.recall(trial, schedule, own).unwrap()
        })
    }

    fn observe(&mut self, trial: u64, epoch: u32, is_late: bool) {
        let observation = at(epoch, value(trial, epoch));
        let session = self.session(trial);
        let decision = if is_late {
            let late = Decision::out_of_time();
            session.record(observation, late.clone()).unwrap();
            late
        } else {
            session.observe(observation).unwrap()
        };
        self.log
            .push((trial, Event::Observed(observation, decision)));
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small"
    )]
    fn step(&mut self, step: Step) {
        let (Step::Observe { trial, .. }
        | Step::Fill { trial }
        | Step::Late { trial }
        | Step::Finish { trial }
        | Step::Drop { trial }) = step;
        if self.finished.contains(&trial) {
            return;
        }
        let seen: Vec<u32> = self
            .session(trial)
            .observations()
            .map(|(observation, _)| observation.epoch.get() as u32)
            .collect();
        let next = seen.last().map_or(1, |last| last + 1);
        match step {
            Step::Observe { skip, .. } if next + skip < TARGET => {
                self.observe(trial, next + skip, false);
            }
            Step::Late { .. } if next < TARGET => self.observe(trial, next, true),
            Step::Fill { .. } => {
                if let Some(gap) = (1..next).find(|epoch| !seen.contains(epoch)) {
                    self.observe(trial, gap, false);
                }
            }
            Step::Finish { .. } | Step::Observe { .. } => {
                (next..=TARGET).for_each(|epoch| self.observe(trial, epoch, false));
                self.session(trial).complete();
                self.log.push((trial, Event::Completed));
                self.finished.push(trial);
            }
            Step::Drop { .. } => {
                self.sessions.remove(&trial);
            }
            Step::Late { .. } => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn an_experiment_restored_from_its_log_decides_bit_equally_on_everything_after(
        steps in prop::collection::vec(step(24), 100..500),
        cut in any::<prop::sample::Index>(),
        in_any_of in any::<bool>(),
        declares in any::<bool>(),
    ) {
        let parts = [
            ("policies", "patience,adaptive"),
            ("adaptive.explore", "0.3"),
            ("adaptive.risk", "1"),
            ("patience.observations", "4"),
        ];
        let settings = if in_any_of {
            settings("any_of", &parts)
        } else {
            settings("adaptive", &[("explore", "0.3"), ("risk", "1")])
        };
        let mut whole = Driver::new(Experiment::new(Arc::new(settings)), declares);
        // Trials to judge by.
        (100..106).for_each(|trial| whole.step(Step::Finish { trial }));
        let cut = cut.index(steps.len());
        steps[..cut].iter().for_each(|step| whole.step(*step));
        let log = whole.log.clone();
        let through_json = log.into_iter().map(|(trial, event)| match event {
            Event::Observed(observation, decision) => {
                let decision = serde_json::from_str(&bits(&decision)).unwrap();
                (trial, Event::Observed(observation, decision))
            }
            event => (trial, event),
        });
        let settings = Arc::clone(whole.experiment.settings());
        let (experiment, sessions) = Experiment::restore(settings, through_json).unwrap();
        let mut again = Driver {
            experiment,
            sessions,
            finished: whole.finished.clone(),
            log: whole.log.clone(),
            declares,
            known: whole.known.clone(),
        };
        for step in &steps[cut..] {
            whole.step(*step);
            again.step(*step);
        }
        for ((_, a), (_, b)) in whole.log.iter().zip(&again.log) {
            if let (Event::Observed(a, one), Event::Observed(b, other)) = (a, b) {
                prop_assert_eq!(a, b);
                prop_assert_eq!(bits(one), bits(other));
            }
        }
        prop_assert_eq!(whole.log.len(), again.log.len());
        prop_assert_eq!(whole.experiment.calibration(), again.experiment.calibration());
    }
}
