//! Trials of one experiment under every policy, observed in any order with any numbers.

use std::collections::BTreeMap;
use std::sync::Arc;

use arbitrary::Arbitrary;
use peng_predict::experiment::{Event, Experiment, Settings};
use peng_predict::policy::Spec;
use peng_predict::trial::Session;
use peng_predict::{Decision, Epoch, Goal, Observation, ValueRange};

use crate::Number;

/// The most that happens in an experiment.
const MOST: usize = 96;
/// How many trials it has.
const TRIALS: u8 = 4;
/// Values of parameters that are words.
const WORDS: [&str; 9] = [
    "true",
    "false",
    "relative",
    "absolute",
    "by_epoch",
    "by_observation",
    "window",
    "newest",
    "exp3",
];
/// The parts of `any_of`, which has no parameters of its own.
const PARTS: (&str, &str) = ("policies", "peng4nn,median,asha,hyperband,patience,fixed");

/// An experiment and all that happens in it.
#[derive(Clone, Debug, Arbitrary)]
pub struct Stream {
    /// Which policy.
    pub policy: u8,
    /// Which of its parameters are given, and how.
    pub parameters: Vec<(u8, Text)>,
    /// Whether smaller is better.
    pub minimize: bool,
    /// The metric's range, where the numbers are one.
    pub range: (Number, Number),
    /// The target epoch, where the number is one.
    pub target: Number,
    /// What happens.
    pub steps: Vec<Step>,
    /// After how many steps the experiment is rebuilt from its log.
    pub cut: u8,
}

/// The value of a parameter.
#[derive(Clone, Copy, Debug, Arbitrary)]
pub enum Text {
    /// A number.
    Number(Number),
    /// A word.
    Word(u8),
}

/// Something that happens to a trial.
#[derive(Clone, Copy, Debug, Arbitrary)]
pub enum Step {
    /// A value at the next whole epoch.
    Next(u8, Number),
    /// A value at any epoch.
    At(u8, Number, Number),
    /// The training went to its end.
    Complete(u8),
}

/// Everything is answered, equal inputs with equal bits, and an experiment rebuilt from its log
/// goes on as if not interrupted. A decision is written and read back without a change, so that
/// all its numbers are finite.
pub fn check(stream: &Stream) {
    let Some(settings) = settings(stream) else {
        return;
    };
    let steps = &stream.steps[..stream.steps.len().min(MOST)];
    let cut = usize::from(stream.cut).min(steps.len());
    let mut first = Run::new(Experiment::new(Arc::clone(&settings)));
    let mut second = Run::new(Experiment::new(Arc::clone(&settings)));
    for (index, &step) in steps.iter().enumerate() {
        if index == cut {
            second = second.rebuilt(&settings);
        }
        let (answer, again) = (first.step(step), second.step(step));
        assert_eq!(format!("{answer:?}"), format!("{again:?}"));
        let Some(decision) = answer else { continue };
        let text = serde_json::to_string(&decision).unwrap();
        assert_eq!(
            serde_json::from_str::<Decision>(&text).unwrap(),
            decision,
            "{text}"
        );
        assert!(!decision.reason.to_string().is_empty());
    }
}

fn settings(stream: &Stream) -> Option<Arc<Settings>> {
    let target = Epoch::new(stream.target.get()).or(Epoch::new(20.0)).ok()?;
    let mut settings = Settings::accuracy(target);
    let name = Spec::NAMES[usize::from(stream.policy) % Spec::NAMES.len()];
    settings.policy = policy(name, &stream.parameters)?;
    let (lower, upper) = stream.range;
    settings.range = ValueRange::new(lower.get(), upper.get()).unwrap_or_default();
    if stream.minimize {
        settings.goal = Goal::Minimize;
    }
    Some(Arc::new(settings))
}

/// The policy with these parameters, or none where they are refused.
fn policy(name: &str, parameters: &[(u8, Text)]) -> Option<Spec> {
    let needed: &[(&str, &str)] = if name == "any_of" { &[PARTS] } else { &[] };
    let defaults = Spec::parse(name, needed).unwrap();
    let keys = serde_json::to_value(defaults).unwrap();
    let keys: Vec<&String> = keys.as_object().unwrap().keys().collect();
    let mut given = BTreeMap::new();
    for &(key, text) in parameters {
        let text = match text {
            Text::Number(number) => number.get().to_string(),
            Text::Word(word) => WORDS[usize::from(word) % WORDS.len()].to_owned(),
        };
        given.insert(keys[usize::from(key) % keys.len()].as_str(), text);
    }
    given.remove("name");
    for &(key, text) in needed {
        given.insert(key, text.to_owned());
    }
    let pairs: Vec<(&str, String)> = given.into_iter().collect();
    Spec::parse(name, &pairs).ok()
}

/// An experiment at work.
struct Run {
    experiment: Experiment,
    sessions: BTreeMap<u64, Session>,
    log: Vec<(u64, Event)>,
}

impl Run {
    fn new(experiment: Experiment) -> Self {
        Self {
            experiment,
            sessions: BTreeMap::new(),
            log: Vec::new(),
        }
    }

    fn rebuilt(self, settings: &Arc<Settings>) -> Self {
        let (experiment, sessions) =
            Experiment::restore(Arc::clone(settings), self.log.clone()).unwrap();
        Self {
            experiment,
            sessions,
            log: self.log,
        }
    }

    /// The decision, where the step is an observation that is not refused.
    fn step(&mut self, step: Step) -> Option<Decision> {
        let (Step::Next(trial, _) | Step::At(trial, ..) | Step::Complete(trial)) = step;
        let trial = u64::from(trial % TRIALS);
        let ended = |(other, event): &(u64, Event)| *other == trial && *event == Event::Completed;
        if self.log.iter().any(ended) {
            return None;
        }
        let session = self
            .sessions
            .entry(trial)
            .or_insert_with(|| self.experiment.start(trial));
        let (epoch, value) = match step {
            Step::Next(_, value) => {
                let last = session.last().map_or(0.0, |last| last.epoch.get());
                (last.floor() + 1.0, value.get())
            }
            Step::At(_, epoch, value) => (epoch.get(), value.get()),
            Step::Complete(_) => {
                session.complete();
                self.log.push((trial, Event::Completed));
                return None;
            }
        };
        let observation = Observation::new(Epoch::new(epoch).ok()?, value);
        let decision = session.observe(observation).ok()?;
        let event = Event::Observed(observation, decision.clone());
        self.log.push((trial, event));
        Some(decision)
    }
}
