//! `adaptive` with its defaults on made-up curves of kinds that none of its constants was chosen
//! on. `cargo test -p peng-predict --test kinds -- --nocapture` prints the figures;
//! `PENG4NN_SEEDS=20` takes more orders of the curves than the three that a test has time for.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use peng_predict::experiment::Settings;
use peng_predict::metrics::Summary;
use peng_predict::policy::Spec;
use peng_predict::replay::{self, Schedule};
use peng_predict::{Epoch, Goal, Observation, ValueRange};

/// A set of curves; a curve is a function of its own number and of the epoch.
struct Kind {
    name: &'static str,
    goal: Goal,
    range: [f64; 2],
    trials: u64,
    epochs: u32,
    value: fn(u64, f64) -> f64,
    /// Least share of the epochs saved, of the best tenth kept, and of the 90 % intervals that hold.
    least: [f64; 3],
}

/// Uniform in (0, 1), by a trial and what it is for (splitmix64: Steele et al., OOPSLA 2014).
fn uniform(trial: u64, what: u64) -> f64 {
    let mut z = (trial << 20 | what).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (((z ^ (z >> 31)) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
}

/// Standard normal (Box and Muller 1958).
fn normal(trial: u64, what: u64) -> f64 {
    let radius = (-2.0 * uniform(trial, 2 * what).ln()).sqrt();
    radius * (std::f64::consts::TAU * uniform(trial, 2 * what + 1)).cos()
}

/// What is drawn once for a trial, apart from what is drawn for each epoch.
fn own(trial: u64, which: u64) -> f64 {
    uniform(trial, 10_000 + which)
}

fn noise(trial: u64, epoch: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole epoch"
    )]
    normal(trial, epoch as u64)
}

/// A loss that falls as a power of the epoch, by up to four decades, from anywhere up to 1,000.
fn decades(trial: u64, epoch: f64) -> f64 {
    let start = 10.0_f64.powf(1.0 + 2.0 * own(trial, 0));
    start * epoch.powf(-0.2 - 1.3 * own(trial, 1)) * (0.1 * noise(trial, epoch)).exp()
}

/// An accuracy in percent.
fn rising(trial: u64, epoch: f64) -> f64 {
    let (end, rate) = (30.0 + 60.0 * own(trial, 0), 0.03 + 0.1 * own(trial, 1));
    end * (1.0 - (-rate * epoch).exp()) + 0.5 * noise(trial, epoch)
}

/// The learning rate drops at a half and at three quarters; until then large steps hide how good
/// a network is, and the better ones look worse.
fn steps(trial: u64, epoch: f64) -> f64 {
    let end = 50.0 + 30.0 * own(trial, 0);
    let rate = [1.0, 0.3, 0.0][usize::from(epoch > 45.0) + usize::from(epoch > 67.0)];
    let hidden = 20.0 + 0.4 * (end - 50.0);
    let settled = 1.0 - (-0.1 * epoch).exp();
    (end - rate * hidden) * settled + (0.3 + 1.5 * rate) * noise(trial, epoch)
}

/// The learning rate falls as a cosine: most is gained in the last third.
fn cosine(trial: u64, epoch: f64) -> f64 {
    let (end, late) = (40.0 + 50.0 * own(trial, 0), 0.2 + 0.5 * own(trial, 1));
    let rate = 0.5 + 0.5 * (std::f64::consts::PI * epoch / 100.0).cos();
    let settled = 1.0 - (-0.15 * epoch).exp();
    end * (1.0 - late * rate) * settled + (0.2 + rate) * noise(trial, epoch)
}

/// A thousand epochs, the slowest of which are still rising at the end.
fn long(trial: u64, epoch: f64) -> f64 {
    let (end, rate) = (
        60.0 + 35.0 * own(trial, 0),
        10.0_f64.powf(-3.0 + 1.5 * own(trial, 1)),
    );
    end * (1.0 - (-rate * epoch).exp()) + noise(trial, epoch)
}

fn equal(_: u64, _: f64) -> f64 {
    12.5
}

/// A quarter explodes, sooner or later.
fn diverging(trial: u64, epoch: f64) -> f64 {
    let explodes = own(trial, 2) < 0.25 && epoch > 60.0 * own(trial, 3);
    if explodes {
        f64::NAN
    } else {
        rising(trial, epoch)
    }
}

const PERCENT: [f64; 2] = [0.0, 100.0];

/// The chance of an explosion is in no interval: they are for trainings that do not.
const KINDS: [Kind; 9] = [
    kind(
        "losses over four decades",
        decades,
        200,
        100,
        [0.5, 0.75, 0.8],
    )
    .minimized(1e4),
    kind(
        "range a thousand times as wide",
        rising,
        200,
        60,
        [0.4, 0.75, 0.85],
    )
    .within([-1e5, 1e5]),
    kind("accuracies", rising, 200, 60, [0.4, 0.75, 0.85]),
    kind(
        "steps of the learning rate",
        steps,
        200,
        90,
        [0.4, 0.75, 0.85],
    ),
    kind("cosine", cosine, 200, 100, [0.3, 0.75, 0.85]),
    kind("a thousand epochs", long, 60, 1000, [0.3, 0.5, 0.8]),
    kind("twenty trials", rising, 20, 60, [0.05, 0.75, 0.75]),
    kind("all equal", equal, 60, 50, [0.5, 1.0, 1.0]),
    kind("a quarter diverges", diverging, 200, 60, [0.4, 0.75, 0.7]),
];

/// Accuracies in percent.
const fn kind(
    name: &'static str,
    value: fn(u64, f64) -> f64,
    trials: u64,
    epochs: u32,
    least: [f64; 3],
) -> Kind {
    Kind {
        name,
        goal: Goal::Maximize,
        range: PERCENT,
        trials,
        epochs,
        value,
        least,
    }
}

impl Kind {
    const fn minimized(self, upper: f64) -> Self {
        Self {
            goal: Goal::Minimize,
            range: [0.0, upper],
            ..self
        }
    }

    const fn within(self, range: [f64; 2]) -> Self {
        Self { range, ..self }
    }

    fn curves(&self) -> Vec<Vec<Observation>> {
        let curve = |trial: u64| {
            (1..=self.epochs)
                .map(f64::from)
                .map(|epoch| {
                    // Not a number is passed on.
                    let value = (self.value)(trial, epoch).clamp(self.range[0], self.range[1]);
                    Observation::new(Epoch::new(epoch).unwrap(), value)
                })
                .collect()
        };
        (0..self.trials).map(curve).collect()
    }

    /// The mean over the seeds.
    fn summary(&self, seeds: u64) -> Summary {
        let settings = Arc::new(Settings {
            goal: self.goal,
            range: ValueRange::new(self.range[0], self.range[1]).unwrap(),
            policy: Spec::parse::<&str, &str>("adaptive", &[]).unwrap(),
            ..Settings::accuracy(Epoch::new(f64::from(self.epochs)).unwrap())
        });
        let curves = self.curves();
        let summaries: Vec<Summary> = (1..=seeds)
            .map(|seed| {
                let schedule = Schedule { workers: 4, seed };
                let replay = replay::run(&settings, &curves, schedule, || Duration::ZERO);
                Summary::new(&replay.unwrap(), self.goal, 0.1)
            })
            .collect();
        Summary::mean(&summaries)
    }
}

#[test]
fn the_best_are_kept_and_intervals_hold_on_every_kind() {
    let seeds = std::env::var("PENG4NN_SEEDS").map_or(3, |seeds| seeds.parse().unwrap());
    let mut missed = Vec::new();
    for kind in &KINDS {
        // Two of the best in a set of twenty are too few to count by.
        let summary = kind.summary(seeds.max(400 / kind.trials));
        let coverage = summary.coverage_90;
        println!(
            "{}: saved {:.1} %, kept {:.2}, error {:.3}, in 90 % {:.0} %, stopped {:.0} %",
            kind.name,
            100.0 * summary.epochs_saved,
            summary.best_kept,
            summary.mae,
            100.0 * coverage.unwrap_or(f64::NAN),
            100.0 * summary.stopped,
        );
        let [saved, kept, covered] = kind.least;
        let holds = coverage.is_none_or(|coverage| coverage >= covered);
        if summary.epochs_saved < saved || summary.best_kept < kept || !holds {
            missed.push(kind.name);
        }
    }
    assert!(missed.is_empty(), "{missed:?}");
}

#[test]
fn the_width_of_the_range_decides_little() {
    let of = |name: &str| {
        KINDS
            .iter()
            .find(|kind| kind.name == name)
            .unwrap()
            .summary(1)
    };
    let (wide, percent) = (of("range a thousand times as wide"), of("accuracies"));
    assert!((wide.epochs_saved - percent.epochs_saved).abs() < 0.1);
    assert!(
        (wide.mae - percent.mae).abs() < 3.0,
        "{} {}",
        wide.mae,
        percent.mae
    );
}
