//! How many evaluations fits take, over curves of all kinds.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::family::Name;
use crate::fit::{MOST_EVALUATIONS, Workspace, fit_in};
use crate::solve::effort;

/// Values of a curve by point, each made with one of the numbers.
#[derive(Clone, Copy, Debug)]
enum Values {
    Anything,
    Wandering,
    Learning,
    Jumping,
    Swinging,
}

impl Values {
    fn of(self, x: &[f64], numbers: &[f64]) -> Vec<f64> {
        let mut before = 50.0;
        let value = |(index, (&x, number)): (usize, (&f64, &f64))| {
            before = match self {
                Self::Anything => 100.0 * number,
                Self::Wandering => (before + 10.0 * number - 5.0).clamp(0.0, 100.0),
                Self::Learning => 80.0 - 60.0 * (-0.1 * x).exp() + number,
                Self::Jumping if index < numbers.len() / 2 => 10.0,
                Self::Jumping => 90.0,
                Self::Swinging => 50.0 + 40.0 * (0.7 * index as f64).sin(),
            };
            before
        };
        x.iter().zip(numbers).enumerate().map(value).collect()
    }
}

/// Points at even distances, or at distances of any size: those of trainings, and any others.
fn curves() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    use Values::{Anything, Jumping, Learning, Swinging, Wandering};
    let kinds = prop::sample::select(&[Anything, Wandering, Learning, Jumping, Swinging][..]);
    let gaps = prop_oneof![
        Just(0.0..=0.0),
        Just(-6.0..=0.0),
        Just(0.0..=4.0),
        Just(-6.0..=4.0),
        Just(-300.0..=300.0),
    ];
    (kinds, gaps, 2_usize..120).prop_flat_map(|(kind, gaps, points)| {
        let gaps = prop::collection::vec(gaps, points);
        let numbers = prop::collection::vec(0.0..1.0, points);
        (gaps, numbers).prop_map(move |(gaps, numbers)| {
            let mut end = 0.0;
            let x: Vec<f64> = gaps
                .into_iter()
                .map(|gap| {
                    end += 10.0_f64.powf(gap);
                    end
                })
                .collect();
            let y = kind.of(&x, &numbers);
            (x, y)
        })
    })
}

#[test]
fn no_curve_takes_more_evaluations_than_are_stated() {
    let mut runner = TestRunner::new_with_rng(
        Config {
            cases: 1_500,
            failure_persistence: None,
            ..Config::default()
        },
        TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    );
    let most = std::cell::Cell::new([0; Name::ALL.len()]);
    let ran = runner.run(&curves(), |(x, y)| {
        let mut counted = most.get();
        for (name, most) in Name::ALL.iter().zip(&mut counted) {
            effort::take();
            // A curve that cannot be fitted costs no more than one that can.
            let _ = fit_in(&mut Workspace::default(), *name, &x, &y);
            let each = effort::take().div_ceil(x.len());
            prop_assert!(each <= MOST_EVALUATIONS, "{name}: {each} a point");
            *most = each.max(*most);
        }
        most.set(counted);
        Ok(())
    });
    ran.unwrap();
    // Each is counted at all: one that is linear in everything is evaluated once.
    for (name, most) in Name::ALL.iter().zip(most.get()) {
        println!("{name}: {most} evaluations a point at most");
        assert!(most >= 1, "{name}");
    }
}
