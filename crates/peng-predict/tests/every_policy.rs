//! What holds of every policy: a new one is held to it as soon as it has a name.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;

use peng_predict::experiment::{Event, Experiment, Settings};
use peng_predict::policy::Spec;
use peng_predict::trial::Session;
use peng_predict::{Decision, Epoch, Goal, Observation};
use proptest::prelude::*;

const TRIALS: u64 = 4;
const TARGET: u32 = 12;

/// A value of a trial at an epoch, or the end of its training.
#[derive(Clone, Copy, Debug)]
struct Step {
    trial: u64,
    epoch: u32,
    value: f64,
    ends: bool,
}

/// Each policy, with parameters where the defaults wait for more trials than there are here.
fn all() -> Vec<Spec> {
    let parameters = |name: &str| -> &[(&str, &str)] {
        match name {
            "any_of" => &[
                ("policies", "peng4nn,median,asha"),
                ("median.startup_trials", "1"),
            ],
            "median" | "adaptive" => &[("startup_trials", "1")],
            _ => &[],
        }
    };
    let spec = |name: &&str| Spec::parse(name, parameters(name)).unwrap();
    Spec::NAMES.iter().map(spec).collect()
}

fn specs() -> impl Strategy<Value = Spec> {
    prop::sample::select(all())
}

/// Those that judge a trial by its own curve.
fn alone() -> impl Strategy<Value = Spec> {
    let specs = all().into_iter().filter(|spec| !spec.compares_trials());
    prop::sample::select(specs.collect::<Vec<_>>())
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        30 => (0..=10_000_u32).prop_map(|hundredths| f64::from(hundredths) / 100.0),
        1 => Just(f64::NAN),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..TRIALS, 1..=TARGET, value(), prop::bool::weighted(0.05));
    let step = step.prop_map(|(trial, epoch, value, ends)| Step {
        trial,
        epoch,
        value,
        ends,
    });
    prop::collection::vec(step, 1..60)
}

fn experiment(spec: &Spec, goal: Goal) -> Experiment {
    let mut settings = Settings::accuracy(Epoch::new(f64::from(TARGET)).unwrap());
    settings.policy = spec.clone();
    settings.goal = goal;
    Experiment::new(Arc::new(settings))
}

/// Trials at work, and the log of what happened.
struct Run {
    experiment: Experiment,
    sessions: BTreeMap<u64, Session>,
    log: Vec<(u64, Event)>,
}

impl Run {
    fn new(spec: &Spec, goal: Goal) -> Self {
        Self {
            experiment: experiment(spec, goal),
            sessions: BTreeMap::new(),
            log: Vec::new(),
        }
    }

    /// From its log, as after an end of the process.
    fn rebuilt(self) -> Self {
        let settings = Arc::clone(self.experiment.settings());
        let (experiment, sessions) = Experiment::restore(settings, self.log.clone()).unwrap();
        Self {
            experiment,
            sessions,
            log: self.log,
        }
    }

    /// The decision as text, where the step is an observation that is not refused. A trial that has
    /// ended, or been there at that epoch, is left alone.
    fn step(&mut self, step: Step) -> Option<String> {
        let is_end = |(trial, event): &(u64, Event)| {
            *trial == step.trial && matches!(event, Event::Completed)
        };
        if self.log.iter().any(is_end) {
            return None;
        }
        let session = self
            .sessions
            .entry(step.trial)
            .or_insert_with(|| self.experiment.start(step.trial));
        if step.ends {
            session.complete();
            self.log.push((step.trial, Event::Completed));
            return None;
        }
        let epoch = Epoch::new(f64::from(step.epoch)).unwrap();
        let observation = Observation::new(epoch, step.value);
        let decision = session.observe(observation).ok()?;
        let text = serde_json::to_string(&decision).unwrap();
        self.log
            .push((step.trial, Event::Observed(observation, decision)));
        Some(text)
    }
}

fn decisions(spec: &Spec, goal: Goal, steps: &[Step]) -> Vec<Option<String>> {
    let mut run = Run::new(spec, goal);
    steps.iter().map(|&step| run.step(step)).collect()
}

fn goals() -> impl Strategy<Value = Goal> {
    prop::sample::select(&[Goal::Maximize, Goal::Minimize][..])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn equal_inputs_give_equal_bits(spec in specs(), goal in goals(), steps in steps()) {
        prop_assert_eq!(decisions(&spec, goal, &steps), decisions(&spec, goal, &steps));
    }

    #[test]
    fn a_verdict_never_depends_on_later_observations(
        spec in specs(), goal in goals(), before in steps(), after in steps(), others in steps(),
    ) {
        let one: Vec<Step> = before.iter().chain(&after).copied().collect();
        let other: Vec<Step> = before.iter().chain(&others).copied().collect();
        let seen = before.len();
        prop_assert_eq!(
            &decisions(&spec, goal, &one)[..seen],
            &decisions(&spec, goal, &other)[..seen]
        );
    }

    #[test]
    fn an_experiment_rebuilt_from_its_log_decides_the_same(
        spec in specs(), goal in goals(), steps in steps(), cut in any::<prop::sample::Index>(),
    ) {
        let cut = cut.index(steps.len());
        let mut run = Run::new(&spec, goal);
        let mut again = Vec::new();
        for (index, &step) in steps.iter().enumerate() {
            if index == cut {
                run = run.rebuilt();
            }
            again.push(run.step(step));
        }
        prop_assert_eq!(again, decisions(&spec, goal, &steps));
    }

    /// Where trials are not compared, the curve decides and not how it came.
    #[test]
    fn the_order_of_arrival_does_not_matter(
        spec in alone(),
        goal in goals(),
        order in Just((1..TARGET).collect::<Vec<u32>>()).prop_shuffle(),
        values in prop::collection::vec(0.0..=100.0_f64, TARGET as usize),
    ) {
        let experiment = experiment(&spec, goal);
        let last = |order: &[u32]| -> Option<Decision> {
            let mut session = experiment.start(0);
            for &epoch in order {
                let value = values[epoch as usize];
                let epoch = Epoch::new(f64::from(epoch)).unwrap();
                session.observe(Observation::new(epoch, value)).unwrap();
            }
            // A stop on the way depends on what there was by then.
            let newest = Epoch::new(f64::from(*order.last()?)).unwrap();
            let (_, decision) = session.decision_at(newest)?;
            session.stop().is_none().then(|| decision.clone())
        };
        let in_order: Vec<u32> = (1..TARGET).collect();
        if let (Some(one), Some(other)) = (last(&in_order), last(&order)) {
            prop_assert_eq!(one, other);
        }
    }

    #[test]
    fn any_number_is_answered(
        spec in specs(), goal in goals(),
        points in prop::collection::vec(
            (0..TRIALS, prop::num::f64::ANY, prop::num::f64::ANY), 0..30,
        ),
    ) {
        let experiment = experiment(&spec, goal);
        let mut sessions: Vec<Session> = (0..TRIALS).map(|trial| experiment.start(trial)).collect();
        for (trial, epoch, value) in points {
            let Ok(epoch) = Epoch::new(epoch.abs()) else { continue };
            // As it is, and brought into the range.
            for value in [value, (value % 100.0).abs()] {
                let session = &mut sessions[usize::try_from(trial).unwrap()];
                if let Ok(decision) = session.observe(Observation::new(epoch, value)) {
                    let text = serde_json::to_string(&decision).unwrap();
                    prop_assert_eq!(serde_json::from_str::<Decision>(&text).unwrap(), decision);
                }
            }
        }
    }
}

#[test]
fn every_policy_is_the_same_after_json() {
    for name in Spec::NAMES {
        let parts = [("policies", "median,asha")];
        let parameters = if *name == "any_of" { &parts[..] } else { &[] };
        let spec = Spec::parse(name, parameters).unwrap();
        assert_eq!(spec.name(), *name);
        let json = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<Spec>(&json).unwrap(), spec, "{json}");
    }
}
