//! What a fit and a decision cost.
#![allow(missing_docs, reason = "criterion's macros")]
#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use peng_predict::experiment::{Experiment, Settings};
use peng_predict::family::Name;
use peng_predict::fit::{self, Workspace};
use peng_predict::policy::Spec;
use peng_predict::{Epoch, Observation};

/// How many curves a measurement goes through.
const KINDS: u32 = 12;

/// A noisy learning curve of percentages, one of [`KINDS`]; the same in `scipy_compare.py`.
fn curve(kind: u32, points: usize) -> (Vec<f64>, Vec<f64>) {
    let kind = f64::from(kind);
    let x: Vec<f64> = (1..=points).map(|x| x as f64).collect();
    let y = x.iter().map(|x| {
        let noise = ((12.9898 * x + kind).sin() * 43_758.545_3).fract();
        55.0 + 3.0 * kind - (50.0 - kind) * (-(0.08 + 0.04 * kind) * x).exp() + noise
    });
    let y = y.collect();
    (x, y)
}

fn fits(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fit");
    let mut workspace = Workspace::default();
    for points in [5, 10, 20, 50] {
        let curves: Vec<_> = (0..KINDS).map(|kind| curve(kind, points)).collect();
        let mut next = (0..curves.len()).cycle();
        for name in Name::ALL {
            group.bench_function(BenchmarkId::new(name.as_str(), points), |bencher| {
                bencher.iter(|| {
                    let (x, y) = &curves[next.next().unwrap()];
                    fit::fit_in(&mut workspace, *name, black_box(x), black_box(y))
                });
            });
        }
        group.bench_function(BenchmarkId::new("all", points), |bencher| {
            bencher.iter(|| {
                let (x, y) = &curves[next.next().unwrap()];
                for name in Name::ALL {
                    black_box(fit::fit_in(&mut workspace, *name, x, y)).unwrap();
                }
            });
        });
    }
    group.finish();
}

/// An experiment with completed trials, and a trial that is about to make its 20th observation.
fn observations(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("observe");
    for name in Spec::NAMES {
        let mut settings = Settings::accuracy(Epoch::new(30.0).unwrap());
        // Parameters with which the trial is still judged at its 20th observation.
        let parameters: &[(&str, &str)] = match *name {
            "peng4nn" => &[("radius", "1e-9")],
            "fixed" => &[("epoch", "29")],
            "adaptive" => &[("explore", "1")],
            "any_of" => &[
                ("policies", "peng4nn,median,asha"),
                ("peng4nn.radius", "1e-9"),
            ],
            _ => &[],
        };
        settings.policy = Spec::parse(name, parameters).unwrap();
        for trials in [10, 1000] {
            let experiment = Experiment::new(Arc::new(settings.clone()));
            let (_, y) = curve(6, 30);
            for trial in 0..trials {
                let mut session = experiment.start(trial);
                for (point, worse) in points(&y).zip(1..) {
                    let value =
                        (point.value - (trial % 7) as f64 - f64::from(worse) / 10.0).max(0.0);
                    session.observe(Observation { value, ..point }).unwrap();
                }
                session.complete();
            }
            group.bench_function(BenchmarkId::new(*name, trials), |bencher| {
                let start = || {
                    let mut session = experiment.start(trials);
                    points(&y[..19]).for_each(|point| drop(session.observe(point)));
                    session
                };
                let last = points(&y).nth(19).unwrap();
                bencher.iter_batched_ref(
                    start,
                    |session| session.observe(black_box(last)),
                    BatchSize::SmallInput,
                );
            });
        }
    }
    group.finish();
}

/// `adaptive` beside so many completed trials of 100 epochs: the 50th observation of a trial that
/// goes on.
fn experience(criterion: &mut Criterion) {
    const EPOCHS: u32 = 100;
    let mut group = criterion.benchmark_group("experience");
    let mut settings = Settings::accuracy(Epoch::new(f64::from(EPOCHS)).unwrap());
    settings.policy = Spec::parse("adaptive", &[("explore", "1")]).unwrap();
    let settings = Arc::new(settings);
    for trials in [10, 100, 1000, 10_000] {
        let experiment = Experiment::new(Arc::clone(&settings));
        let (_, y) = curve(6, EPOCHS as usize);
        let told = experiment.start(trials).observe(points(&y).next().unwrap());
        let told = told.unwrap();
        for trial in 0..trials {
            let mut session = experiment.start(trial);
            let share = 1.0 - (trial % 97) as f64 / 200.0;
            for point in points(&y) {
                let value = point.value * share;
                let observation = Observation { value, ..point };
                session.record(observation, told.clone()).unwrap();
            }
            session.complete();
        }
        group.bench_function(BenchmarkId::new("adaptive", trials), |bencher| {
            let start = || {
                let mut session = experiment.start(trials);
                points(&y[..49]).for_each(|point| drop(session.observe(point)));
                session
            };
            let last = points(&y).nth(49).unwrap();
            bencher.iter_batched_ref(
                start,
                |session| session.observe(black_box(last)),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn points(y: &[f64]) -> impl Iterator<Item = Observation> {
    (1..)
        .map(f64::from)
        .zip(y)
        .map(|(epoch, &value)| Observation::new(Epoch::new(epoch).unwrap(), value))
}

criterion_group!(benches, fits, observations, experience);
criterion_main!(benches);
