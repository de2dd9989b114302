//! Checkpoints: a training that is written, dropped and gone on with.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};

use peng_nets::train::checkpoint::{self, Error};
use peng_nets::train::{Augmentation, Rule, Settings, Step, Training};
use peng_nets::{Device, device};
use peng_search::Network;

use crate::synthetic::{network, sequential, split};

fn settings(optimizer: Rule) -> Settings {
    Settings {
        epochs: 3,
        batch: 20,
        validations: 2,
        optimizer,
        learning_rate: 0.01,
        augmentation: Augmentation {
            shift: 1,
            flip: true,
            cutout: 2,
        },
        ..Settings::default()
    }
}

fn fresh(network: &Network, settings: &Settings, seed: u64) -> Training {
    device::set_threads(1);
    let settings = settings.clone();
    Training::new(network, split(200), settings, seed, Device::Cpu).unwrap()
}

/// Loss and accuracy of every measurement.
fn finish(mut training: Training, settings: &Settings) -> Vec<(f64, f64)> {
    let all = (settings.epochs * settings.validations) as usize;
    while training.measured().len() < all {
        training.advance(&|| false).unwrap();
    }
    let measured = training.measured().iter();
    measured.map(|m| (m.loss, m.accuracy)).collect()
}

/// The same, written and taken up by another after every few batches.
fn interrupted(
    network: &Network,
    settings: &Settings,
    batches: usize,
    folder: &Path,
) -> Vec<(f64, f64)> {
    let all = (settings.epochs * settings.validations) as usize;
    for attempt in 0.. {
        let mut training = fresh(network, settings, 1);
        assert_eq!(training.resume(folder).unwrap(), attempt > 0);
        let asked = Cell::new(0);
        let pause = || {
            asked.set(asked.get() + 1);
            asked.get() > batches
        };
        while training.measured().len() < all {
            if training.advance(&pause).unwrap() == Step::Paused {
                break;
            }
        }
        training.save(folder, &format!("w{attempt}")).unwrap();
        if training.measured().len() == all {
            let measured = training.measured().iter();
            return measured.map(|m| (m.loss, m.accuracy)).collect();
        }
    }
    unreachable!("attempts do not end")
}

#[test]
fn a_training_goes_on_to_the_bit() {
    for (network, rule, batches) in [
        (network("1010-1100"), Rule::Sgd, 7),
        (network("1010-1100"), Rule::Adamw, 11),
        (sequential(), Rule::Sgd, 4),
    ] {
        let settings = settings(rule);
        let folder = tempfile::tempdir().unwrap();
        let whole = finish(fresh(&network, &settings, 1), &settings);
        let parts = interrupted(&network, &settings, batches, folder.path());
        assert_eq!(parts, whole, "{rule:?}");
        checkpoint::remove(folder.path()).unwrap();
        assert!(!folder.path().exists());
    }
}

#[test]
fn a_checkpoint_is_for_its_training_alone() {
    let (network, settings) = (network("1010-1100"), settings(Rule::Sgd));
    let folder = tempfile::tempdir().unwrap();
    let mut training = fresh(&network, &settings, 1);
    training.advance(&|| false).unwrap();
    training.save(folder.path(), "a").unwrap();
    let refused = |network: &Network, settings: &Settings, seed| {
        let mut training = fresh(network, settings, seed);
        let error = training.resume(folder.path()).unwrap_err();
        assert!(matches!(error, Error::Foreign { .. }), "{error}");
        error.to_string()
    };
    assert!(refused(&network, &settings, 2).ends_with("of another seed"));
    assert!(refused(&sequential(), &settings, 1).ends_with("of another network"));
    let other = Settings {
        momentum: 0.5,
        ..settings.clone()
    };
    assert!(refused(&network, &other, 1).ends_with("of another settings"));
}

#[test]
fn damage_is_an_error_that_names_the_file() {
    let (network, settings) = (network("1010-1100"), settings(Rule::Sgd));
    let folder = tempfile::tempdir().unwrap();
    let mut training = fresh(&network, &settings, 1);
    training.advance(&|| false).unwrap();
    training.save(folder.path(), "a").unwrap();
    let files: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    assert_eq!(files.len(), 2, "{files:?}");
    for path in files {
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        let mut training = fresh(&network, &settings, 1);
        let error = training.resume(folder.path()).unwrap_err();
        assert!(
            error.to_string().contains(path.to_str().unwrap()),
            "{error}"
        );
        fs::write(&path, &whole).unwrap();
    }
}

/// The files of tensors in a folder.
fn tensors(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|e| e == "safetensors"))
        .collect()
}

#[test]
fn a_checkpoint_that_cannot_be_written_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let training = fresh(&network("1111-1010"), &settings(Rule::Sgd), 1);
    // Nothing can be written where a folder lies.
    let state = folder.path().join("state.json.w");
    fs::create_dir(&state).unwrap();
    let error = training.save(folder.path(), "w").unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    assert!(tensors(folder.path()).is_empty());
    fs::remove_dir(state).unwrap();
    training.save(folder.path(), "w").unwrap();
    assert_eq!(tensors(folder.path()).len(), 1);
}

#[test]
fn a_checkpoint_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let mut training = fresh(&network("1111-1010"), &settings(Rule::Sgd), 1);
    training.save(folder.path(), "w").unwrap();
    let [first] = tensors(folder.path()).try_into().unwrap();
    let written = || fs::metadata(&first).unwrap().modified().unwrap();
    let before = written();
    training.save(folder.path(), "w").unwrap();
    assert_eq!(written(), before);
    // Another training's is no reason to keep it.
    let other = fresh(&network("1111-1010"), &settings(Rule::Sgd), 2);
    other.save(folder.path(), "w").unwrap();
    assert!(
        fresh(&network("1111-1010"), &settings(Rule::Sgd), 2)
            .resume(folder.path())
            .unwrap()
    );
    training.advance(&|| false).unwrap();
    training.save(folder.path(), "w").unwrap();
    let [second] = tensors(folder.path()).try_into().unwrap();
    assert_ne!(second, first);
}
