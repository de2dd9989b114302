//! The training loop on a small synthetic set.

use std::cell::Cell;

use peng_nets::train::{Augmentation, Error, Precision, Rule, Schedule, Settings, Step, Training};
use peng_nets::{Device, device};
use peng_search::Network;
use tch::Tensor;

use crate::synthetic::{network, sequential, split};

fn settings() -> Settings {
    Settings {
        epochs: 4,
        batch: 20,
        learning_rate: 0.05,
        ..Settings::default()
    }
}

fn training(settings: &Settings, seed: u64) -> Training {
    training_of(&network("1010-1100"), settings, seed)
}

fn training_of(network: &Network, settings: &Settings, seed: u64) -> Training {
    device::set_threads(1);
    let settings = settings.clone();
    Training::new(network, split(200), settings, seed, Device::Cpu).unwrap()
}

/// Loss and accuracy of every measurement.
fn curve_of(mut training: Training, settings: &Settings) -> Vec<(f64, f64)> {
    let parts = settings.validations;
    (1..=settings.epochs * parts)
        .map(|number| match training.advance(&|| false).unwrap() {
            Step::Done(measured) => {
                assert_eq!(measured.epoch, f64::from(number) / f64::from(parts));
                assert_eq!(measured.images, 200 / parts as usize);
                (measured.loss, measured.accuracy)
            }
            Step::Paused => panic!("nothing interrupts"),
        })
        .collect()
}

fn curve(settings: &Settings, seed: u64) -> Vec<(f64, f64)> {
    curve_of(training(settings, seed), settings)
}

#[test]
fn a_network_learns_what_can_be_learnt() {
    let curve = curve(&settings(), 1);
    let (first, last) = (curve[0], curve[3]);
    assert!(last.0 < first.0, "the loss falls: {curve:?}");
    assert!(last.1 >= 95.0, "four rows are told apart: {curve:?}");
}

#[test]
fn every_rule_schedule_and_precision_learns() {
    let step = Schedule::Step {
        every: 2.0,
        factor: 0.3,
    };
    let variants = [
        Settings {
            optimizer: Rule::Adam,
            learning_rate: 0.005,
            schedule: Schedule::Constant,
            averaging: 0.0,
            ..settings()
        },
        Settings {
            optimizer: Rule::Adamw,
            learning_rate: 0.005,
            weight_decay: 0.05,
            schedule: step,
            ..settings()
        },
        Settings {
            clip_norm: 1.0,
            warm_up: 1.0,
            label_smoothing: 0.1,
            ..settings()
        },
        Settings {
            precision: Precision::Bfloat16,
            channels_last: true,
            ..settings()
        },
        Settings {
            channels_last: true,
            augmentation: Augmentation {
                cutout: 2,
                ..Augmentation::default()
            },
            ..settings()
        },
    ];
    for settings in variants {
        let curve = curve(&settings, 1);
        assert!(curve[3].1 >= 90.0, "{settings:?}: {curve:?}");
    }
}

#[test]
fn a_sequential_network_with_dropout_learns_the_same_twice() {
    let settings = Settings {
        epochs: 8,
        ..settings()
    };
    let curve = || curve_of(training_of(&sequential(), &settings, 1), &settings);
    let first = curve();
    assert!(first[7].1 >= 90.0, "{first:?}");
    assert_eq!(first, curve());
}

#[test]
fn a_gradient_is_clipped_to_its_norm() {
    let blown = Settings {
        learning_rate: 5.0,
        schedule: Schedule::Constant,
        momentum: 0.0,
        averaging: 0.0,
        ..settings()
    };
    let clipped = Settings {
        clip_norm: 1e-3,
        ..blown.clone()
    };
    let loss = |settings: &Settings| curve(settings, 1)[0].0;
    let (free, bound) = (loss(&blown), loss(&clipped));
    // Steps of at most 0.005 hardly move the loss from that of ten guesses in four classes.
    assert!(
        (bound - 1.4).abs() < 0.2 && free > bound + 0.2,
        "{free} {bound}"
    );
}

#[test]
fn halves_of_an_epoch_are_measured_and_change_nothing_else() {
    let halves = Settings {
        validations: 2,
        ..settings()
    };
    let whole = curve(&settings(), 1);
    let parts = curve(&halves, 1);
    assert_eq!(parts.len(), 8);
    for (epoch, whole) in whole.iter().enumerate() {
        assert_eq!(parts[2 * epoch + 1].1, whole.1, "epoch {epoch}");
    }
}

#[test]
fn the_same_seed_gives_the_same_curve_to_the_bit() {
    let augmented = Settings {
        augmentation: Augmentation {
            shift: 1,
            flip: true,
            cutout: 3,
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
fn an_interrupted_training_goes_on_as_if_it_was_not() {
    let settings = Settings {
        validations: 2,
        ..settings()
    };
    let mut training = training(&settings, 1);
    let mut measured = Vec::new();
    let mut pauses = 0;
    while measured.len() < 8 {
        let asked = Cell::new(0);
        let step = training.advance(&|| {
            asked.set(asked.get() + 1);
            asked.get() == 4
        });
        match step.unwrap() {
            Step::Paused => {
                assert_eq!(asked.get(), 4);
                pauses += 1;
            }
            Step::Done(measurement) => measured.push((measurement.loss, measurement.accuracy)),
        }
    }
    assert!(pauses >= 8, "{pauses}");
    assert_eq!(measured, curve(&settings, 1));
}

#[test]
fn a_training_that_blows_up_says_so() {
    let wild = Settings {
        learning_rate: 1e30,
        schedule: Schedule::Constant,
        averaging: 0.0,
        ..settings()
    };
    let Step::Done(epoch) = training(&wild, 1).advance(&|| false).unwrap() else {
        panic!("nothing interrupts");
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
        let Step::Done(epoch) = training.advance(&|| false).unwrap() else {
            panic!("nothing interrupts");
        };
        let images = split(200).validation;
        let measured = training.accuracy(&images, &|| false).unwrap();
        assert_eq!(measured, Some(epoch.accuracy));
        let plain: Tensor = images.images().to_kind(tch::Kind::Float);
        assert_eq!(training.net().forward(&plain).unwrap().size(), [100, 4]);
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
    assert!(matches!(training.advance(&|| false), Ok(Step::Done(_))));
    assert!(matches!(
        training.advance(&|| false),
        Err(Error::Finished(1))
    ));
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
                validations: 11,
                ..defaults.clone()
            },
            "validations is 11: it must be from 1 to the 10 batches of an epoch",
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
        let error =
            Training::new(&network("1010"), split(200), broken, 1, Device::Cpu).unwrap_err();
        assert_eq!(error.to_string(), format!("training settings: {message}"));
    }
}

#[test]
fn a_network_for_other_images_is_refused() {
    let Network::Macro(mut architecture) = network("1010") else {
        unreachable!("it is a macro network")
    };
    architecture.input.height = 9;
    let network = Network::Macro(architecture);
    let error = Training::new(&network, split(200), settings(), 1, Device::Cpu).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the network takes images of 1 x 9 x 8 in 4 classes, \
         the data set has images of 1 x 8 x 8 in 4 classes"
    );
}
