//! Which writes of a commit rest on the log as it is, and what they change.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::SystemTime,
};

use peng_predict::Epoch;

use crate::{Basis, Logged, Seq, State, TrialKey, Version, Write, Written, rows};

/// What a version is of: a trial or an experiment, by its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Scope {
    Trial(i64),
    Experiment(i64),
}

/// An entry of the log that is to be inserted.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) experiment: i64,
    pub(crate) trial: i64,
    pub(crate) kind: EntryKind<'a>,
}

/// What an entry tells.
#[derive(Debug)]
pub(crate) enum EntryKind<'a> {
    Observed(&'a Logged),
    Entered(State),
    RolledBack(Epoch),
}

impl EntryKind<'_> {
    /// The columns `state`, `epoch` and `value`.
    pub(crate) fn columns(&self) -> (Option<&'static str>, Option<f64>, Option<f64>) {
        match self {
            Self::Entered(state) => (Some(state.as_str()), None, None),
            Self::Observed(logged) => {
                let observation = logged.observation;
                (None, Some(observation.epoch.get()), Some(observation.value))
            }
            Self::RolledBack(epoch) => (None, None, Some(epoch.get())),
        }
    }
}

/// A trial that is rolled back, once the entries are inserted.
#[derive(Debug)]
pub(crate) struct RolledBack {
    pub(crate) trial: i64,
    /// The last epoch that stays.
    pub(crate) epoch: f64,
}

/// The state that a trial enters.
#[derive(Debug)]
pub(crate) struct Entered<'a> {
    pub(crate) state: State,
    /// Microseconds since 1970, where the state is an end.
    pub(crate) ended: Option<i64>,
    pub(crate) message: &'a str,
}

impl<'a> Entered<'a> {
    fn new(state: State, at: Option<SystemTime>, message: &'a str) -> Self {
        Self {
            state,
            ended: at.filter(|_| state.is_terminal()).map(rows::micros),
            message,
        }
    }
}

/// What becomes of a write.
#[derive(Debug, Clone, Copy)]
enum Planned {
    /// The last of its entries has this index.
    Entry(usize),
    /// As an entry, of a trial that is new.
    Created(usize, TrialKey),
    IdTaken,
    Stale,
    Current,
}

/// What is read from the database before a commit is planned.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The rows that the writes created, by experiment and id.
    pub(crate) created: HashMap<(i64, String), i64>,
    /// The versions of [`trials`].
    pub(crate) trials: HashMap<i64, i64>,
    /// The versions of those of [`experiments`] that are there.
    pub(crate) experiments: HashMap<i64, i64>,
}

/// What a commit changes.
#[derive(Debug, Default)]
pub(crate) struct Plan<'a> {
    pub(crate) entries: Vec<Entry<'a>>,
    /// The last state that each trial enters, by its row.
    pub(crate) entered: BTreeMap<i64, Entered<'a>>,
    pub(crate) rolled_back: Vec<RolledBack>,
    /// The versions after the commit, where it raises them.
    pub(crate) trials: BTreeMap<i64, i64>,
    pub(crate) experiments: BTreeMap<i64, i64>,
    results: Vec<Planned>,
}

/// The trials whose versions the writes rest on.
pub(crate) fn trials(writes: &[Write]) -> Vec<i64> {
    let scopes = writes.iter().filter_map(basis);
    let keys: BTreeSet<i64> = scopes
        .filter_map(|(scope, _)| match scope {
            Scope::Trial(key) => Some(key),
            Scope::Experiment(_) => None,
        })
        .collect();
    keys.into_iter().collect()
}

/// The experiments that the writes are about.
pub(crate) fn experiments(writes: &[Write]) -> Vec<i64> {
    let keys: BTreeSet<i64> = writes.iter().map(|write| write.experiment().0).collect();
    keys.into_iter().collect()
}

fn basis(write: &Write) -> Option<(Scope, Version)> {
    match write {
        Write::Create { .. } => None,
        Write::Observe {
            experiment,
            trial,
            basis,
            ..
        }
        | Write::Enter {
            experiment,
            trial,
            basis,
            ..
        }
        | Write::RollBack {
            experiment,
            trial,
            basis,
            ..
        }
        | Write::Check {
            experiment,
            trial,
            basis,
        } => Some(match basis {
            Basis::Trial(version) => (Scope::Trial(trial.get()), *version),
            Basis::Experiment(version) => (Scope::Experiment(experiment.get()), *version),
        }),
    }
}

impl<'a> Plan<'a> {
    /// What the writes change in a database of which `known` is known.
    pub(crate) fn new(writes: &'a [Write], mut known: Known) -> Self {
        let mut plan = Self::default();
        let mut stale = BTreeSet::new();
        for write in writes {
            let gone = !known.experiments.contains_key(&write.experiment().0);
            let result = match basis(write) {
                None => plan.create(write, &mut known),
                // Later versions of a stale writer may be right by chance.
                Some((scope, version))
                    if gone || stale.contains(&scope) || known.version(scope) != Some(version) =>
                {
                    stale.insert(scope);
                    Planned::Stale
                }
                Some((scope, version)) => plan.append(write, scope, version, &mut known),
            };
            plan.results.push(result);
        }
        plan
    }

    fn create(&mut self, write: &'a Write, known: &mut Known) -> Planned {
        let Write::Create { experiment, id, .. } = write else {
            return Planned::Stale;
        };
        // Taken out, so that of two writes of one id only the first has created it.
        match known.created.remove(&(experiment.get(), id.clone())) {
            Some(trial) => {
                let begins = EntryKind::Entered(State::Running);
                let entry = self.log(experiment.get(), trial, begins);
                Planned::Created(entry, TrialKey::new(trial))
            }
            None => Planned::IdTaken,
        }
    }

    fn append(
        &mut self,
        write: &'a Write,
        scope: Scope,
        version: Version,
        known: &mut Known,
    ) -> Planned {
        let result = match write {
            Write::Create { .. } | Write::Check { .. } => return Planned::Current,
            Write::Observe {
                experiment,
                trial,
                logged,
                enters,
                ..
            } => {
                let observed = self.log(experiment.get(), trial.get(), EntryKind::Observed(logged));
                let observed = Planned::Entry(observed);
                match enters {
                    Some((state, at)) => {
                        let entered = Entered::new(*state, Some(*at), "");
                        self.enter(experiment.get(), *trial, entered)
                    }
                    None => observed,
                }
            }
            Write::Enter {
                experiment,
                trial,
                state,
                at,
                message,
                ..
            } => {
                let entered = Entered::new(*state, Some(*at), message);
                self.enter(experiment.get(), *trial, entered)
            }
            Write::RollBack {
                experiment,
                trial,
                epoch,
                resumes,
                ..
            } => {
                self.rolled_back.push(RolledBack {
                    trial: trial.get(),
                    epoch: epoch.get(),
                });
                let kind = EntryKind::RolledBack(*epoch);
                let rolled_back = Planned::Entry(self.log(experiment.get(), trial.get(), kind));
                if *resumes {
                    let running = Entered::new(State::Running, None, "");
                    self.enter(experiment.get(), *trial, running)
                } else {
                    rolled_back
                }
            }
        };
        let next = version.next().get();
        match scope {
            Scope::Trial(key) => {
                known.trials.insert(key, next);
                self.trials.insert(key, next);
            }
            Scope::Experiment(key) => {
                known.experiments.insert(key, next);
                self.experiments.insert(key, next);
            }
        }
        result
    }

    fn enter(&mut self, experiment: i64, trial: TrialKey, entered: Entered<'a>) -> Planned {
        let state = entered.state;
        self.entered.insert(trial.get(), entered);
        Planned::Entry(self.log(experiment, trial.get(), EntryKind::Entered(state)))
    }

    /// The entry's index.
    fn log(&mut self, experiment: i64, trial: i64, kind: EntryKind<'a>) -> usize {
        self.entries.push(Entry {
            experiment,
            trial,
            kind,
        });
        self.entries.len() - 1
    }

    /// What became of each write, where `seqs` are the places of the entries, which were committed
    /// `at` so many microseconds since 1970.
    pub(crate) fn written(&self, seqs: &[Seq], at: i64) -> Vec<Written> {
        self.results
            .iter()
            .map(|planned| match planned {
                Planned::Entry(index) => Written::At(seqs[*index]),
                Planned::Created(index, key) => Written::Created {
                    seq: seqs[*index],
                    key: *key,
                    at: rows::time(at),
                },
                Planned::IdTaken => Written::IdTaken,
                Planned::Stale => Written::Stale,
                Planned::Current => Written::Current,
            })
            .collect()
    }
}

impl Known {
    fn version(&self, scope: Scope) -> Option<Version> {
        match scope {
            Scope::Trial(key) => self.trials.get(&key),
            Scope::Experiment(key) => self.experiments.get(&key),
        }
        .copied()
        .map(Version::new)
    }
}
