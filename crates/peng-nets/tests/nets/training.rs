//! The training loop on a small synthetic set.

use std::cell::Cell;

use peng_nets::device;
use peng_nets::train::{Augmentation, Error, Schedule, Settings, Step, Training};
use tch::Tensor;

use crate::synthetic::{network, split};

fn settings() -> Settings {
    Settings {
        epochs: 4,
        batch: 20,
        learning_rate: 0.05,
        ..Settings::default()
    }
}

fn training(settings: &Settings, seed: u64) -> Training {
    device::set_threads(1);
    Training::new(&network("1010-1100"), split(200), settings.clone(), seed).unwrap()
}

/// Loss and accuracy of every epoch.
fn curve(settings: &Settings, seed: u64) -> Vec<(f64, f64)> {
    let mut training = training(settings, seed);
    (1..=settings.epochs)
        .map(|number| match training.epoch(&|| false).unwrap() {
            Step::Done(epoch) => {
                assert_eq!(epoch.number, number);
                assert_eq!(epoch.images, 200);
                (epoch.loss, epoch.accuracy)
            }
            Step::Cancelled => panic!("nothing cancels"),
        })
        .collect()
}

#[test]
fn a_network_learns_what_can_be_learnt() {
    let curve = curve(&settings(), 1);
    let (first, last) = (curve[0], curve[3]);
    assert!(last.0 < first.0, "the loss falls: {curve:?}");
    assert!(last.1 >= 95.0, "four rows are told apart: {curve:?}");
}

#[test]
fn the_same_seed_gives_the_same_curve_to_the_bit() {
    let augmented = Settings {
        augmentation: Augmentation {
            shift: 1,
            flip: true,
        },
        ..settings()
    };
    for settings in [settings(), augmented] {
        assert_eq!(curve(&settings, 3), curve(&settings, 3));
        assert_ne!(curve(&settings, 3), curve(&settings, 4));
    }
}

#[test]
fn slots_in_one_process_do_not_disturb_each_other() {
    let alone = [curve(&settings(), 5), curve(&settings(), 6)];
    let together = std::thread::scope(|scope| {
        let slots = [5, 6].map(|seed| scope.spawn(move || curve(&settings(), seed)));
        slots.map(|slot| slot.join().unwrap())
    });
    assert_eq!(alone, together);
}

#[test]
fn a_cancelled_epoch_ends_before_its_next_batch() {
    let mut training = training(&settings(), 1);
    let asked = Cell::new(0);
    let step = training.epoch(&|| {
        asked.set(asked.get() + 1);
        asked.get() == 3
    });
    assert_eq!(step.unwrap(), Step::Cancelled);
    assert_eq!(asked.get(), 3);
    assert_eq!(training.epochs(), 0);
}

#[test]
fn a_training_that_blows_up_says_so() {
    let wild = Settings {
        learning_rate: 1e30,
        schedule: Schedule::Constant,
        averaging: 0.0,
        ..settings()
    };
    let Step::Done(epoch) = training(&wild, 1).epoch(&|| false).unwrap() else {
        panic!("nothing cancels");
    };
    assert!(epoch.diverged());
    assert!(epoch.accuracy.is_nan());
}

#[test]
fn the_measured_network_is_the_one_handed_out() {
    for averaging in [0.0, 0.9] {
        let settings = Settings {
            averaging,
            ..settings()
        };
        let mut training = training(&settings, 1);
        let Step::Done(epoch) = training.epoch(&|| false).unwrap() else {
            panic!("nothing cancels");
        };
        let images = split(200).validation;
        let measured = training.accuracy(&images, &|| false).unwrap();
        assert_eq!(measured, Some(epoch.accuracy));
        let plain: Tensor = images.images().to_kind(tch::Kind::Float);
        assert_eq!(
            training.net().forward(&plain, false).unwrap().size(),
            [100, 4]
        );
    }
}

#[test]
fn no_epoch_follows_the_last() {
    let mut training = training(
        &Settings {
            epochs: 1,
            ..settings()
        },
        1,
    );
    assert!(matches!(training.epoch(&|| false), Ok(Step::Done(_))));
    assert!(matches!(training.epoch(&|| false), Err(Error::Finished(1))));
}

#[test]
fn settings_out_of_range_are_named() {
    let defaults = settings();
    for (broken, message) in [
        (
            Settings {
                epochs: 0,
                ..defaults.clone()
            },
            "epochs is 0: it must be at least 1",
        ),
        (
            Settings {
                batch: 201,
                ..defaults.clone()
            },
            "batch is 201: it must be from 2 to the 200 training images",
        ),
        (
            Settings {
                learning_rate: f64::NAN,
                ..defaults.clone()
            },
            "learning_rate is NaN: it must be above 0",
        ),
        (
            Settings {
                momentum: 1.0,
                ..defaults.clone()
            },
            "momentum is 1: it must be from 0 to below 1",
        ),
        (
            Settings {
                weight_decay: -1.0,
                ..defaults.clone()
            },
            "weight_decay is -1: it must be 0 or more",
        ),
    ] {
        let error = Training::new(&network("1010"), split(200), broken, 1).unwrap_err();
        assert_eq!(error.to_string(), format!("training settings: {message}"));
    }
}

#[test]
fn a_network_for_other_images_is_refused() {
    let mut architecture = network("1010");
    architecture.input.height = 9;
    let error = Training::new(&architecture, split(200), settings(), 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the network takes images of 1 x 9 x 8 in 4 classes, \
         the data set has images of 1 x 8 x 8 in 4 classes"
    );
}
