//! Every experiment replayed with every policy in every order.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use peng_predict::{
    experiment::Settings,
    replay::{self, Replay, Schedule},
};

use super::{EvaluateArgs, groups::Group, policies::Policy};
use crate::exit::Failure;

/// What a policy did on an experiment in one order of the curves.
pub(super) struct Run<'a> {
    pub(super) group: &'a Group,
    pub(super) policy: &'a Policy,
    pub(super) seed: u64,
    pub(super) replay: Replay,
}

/// By experiment, policy and seed, whatever the number of threads.
pub(super) fn run<'a>(
    args: &EvaluateArgs,
    groups: &'a [Group],
    policies: &'a [Policy],
) -> Result<Vec<Run<'a>>, Failure> {
    let jobs: Vec<(&Group, &Policy, u64)> = groups
        .iter()
        .flat_map(|group| policies.iter().map(move |policy| (group, policy)))
        .flat_map(|(group, policy)| (1..=args.seeds).map(move |seed| (group, policy, seed)))
        .collect();
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(jobs.len()));
    thread::scope(|scope| {
        for _ in 0..args.threads().min(jobs.len()) {
            scope.spawn(|| {
                while let Some((place, &(group, policy, seed))) = {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    jobs.get(place).map(|job| (place, job))
                } {
                    let replay = replay(args, group, policy, seed);
                    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                    done.push((place, replay));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|&(place, _)| place);
    done.into_iter()
        .map(|(place, replay)| {
            let (group, policy, seed) = jobs[place];
            Ok(Run {
                group,
                policy,
                seed,
                replay: replay?,
            })
        })
        .collect()
}

fn replay(
    args: &EvaluateArgs,
    group: &Group,
    policy: &Policy,
    seed: u64,
) -> Result<Replay, Failure> {
    let settings = Arc::new(Settings {
        goal: args.metric.goal(),
        range: group.range,
        policy: policy.spec.clone(),
        ..Settings::accuracy(group.target)
    });
    let schedule = Schedule {
        workers: args.workers,
        seed,
    };
    let start = Instant::now();
    let rates = group.curves.iter().map(|curve| curve.schedule.clone());
    let rates: Vec<_> = rates.collect();
    let replay = replay::run_as(&settings, &group.observations(), &rates, schedule, || {
        start.elapsed()
    });
    replay.map_err(|failure| {
        let curve = match failure {
            replay::Failure::NoWorkers => None,
            replay::Failure::EmptyCurve { curve } | replay::Failure::Refused { curve, .. } => {
                group.curves.get(curve)
            }
        };
        let id = curve.map_or("", |curve| &curve.id);
        let place = format!("{}: curve `{id}`", group.path.display());
        Failure::input(anyhow::Error::from(failure).context(place))
    })
}
