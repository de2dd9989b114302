//! Data sets: Fashion-MNIST's files, real ones and small ones written here, and splits.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use peng_nets::dataset::fashion_mnist::{Error, load};
use peng_nets::dataset::split::{Sizes, Split};
use peng_nets::dataset::{self, Check, Dataset};
use tch::Kind;

use crate::synthetic::{CLASSES, INPUT, images};

fn write(folder: &Path, name: &str, dimensions: &[u32], values: &[u8]) {
    let mut bytes = vec![0, 0, 8, u8::try_from(dimensions.len()).unwrap()];
    for dimension in dimensions {
        bytes.extend(dimension.to_be_bytes());
    }
    bytes.extend(values);
    fs::write(folder.join(name), bytes).unwrap();
}

/// The four files with two training images and one test image.
fn small(folder: &Path) {
    write(
        folder,
        "train-images-idx3-ubyte",
        &[2, 28, 28],
        &[200; 2 * 784],
    );
    write(folder, "train-labels-idx1-ubyte", &[2], &[9, 0]);
    write(folder, "t10k-images-idx3-ubyte", &[1, 28, 28], &[0; 784]);
    write(folder, "t10k-labels-idx1-ubyte", &[1], &[3]);
}

fn refused(damage: impl Fn(&Path)) -> Error {
    let folder = tempfile::tempdir().unwrap();
    small(folder.path());
    damage(folder.path());
    load(folder.path(), Check::Any).unwrap_err()
}

#[test]
fn small_files_in_the_official_format_are_read() {
    let folder = tempfile::tempdir().unwrap();
    small(folder.path());
    let loaded = load(folder.path(), Check::Any).unwrap();
    assert_eq!((loaded.train.len(), loaded.test.len()), (2, 1));
    assert_eq!(loaded.train.images().size(), [2, 1, 28, 28]);
    assert_eq!(loaded.train.labels().int64_value(&[0]), 9);
    assert_eq!(
        loaded
            .train
            .images()
            .to_kind(Kind::Int64)
            .int64_value(&[1, 0, 27, 27]),
        200
    );
}

#[test]
fn what_is_not_the_published_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    small(folder.path());
    let error = load(folder.path(), Check::Official).unwrap_err();
    assert!(matches!(error, Error::Sum { .. }), "{error}");
    assert!(
        error.to_string().contains("train-images-idx3-ubyte"),
        "{error}"
    );
}

#[test]
fn the_real_files_are_read() {
    let Some(folder) = std::env::var_os("PENG4NN_DATA") else {
        println!("not run: PENG4NN_DATA names no folder with Fashion-MNIST");
        assert!(std::env::var_os("CI").is_none(), "CI has the data set");
        return;
    };
    let loaded = load(Path::new(&folder), Check::Official).unwrap();
    assert_eq!((loaded.train.len(), loaded.test.len()), (60_000, 10_000));
    // The classes are balanced in both parts.
    for (part, each) in [(&loaded.train, 6_000), (&loaded.test, 1_000)] {
        let counts = part.labels().bincount::<tch::Tensor>(None, 10);
        let counts: Vec<i64> = counts.try_into().unwrap();
        assert_eq!(counts, [each; 10]);
    }
}

#[test]
fn a_missing_file_says_where_it_comes_from() {
    let error = refused(|folder| fs::remove_file(folder.join("t10k-labels-idx1-ubyte")).unwrap());
    let text = error.to_string();
    assert!(text.contains("neither t10k-labels-idx1-ubyte nor t10k-labels-idx1-ubyte.gz"));
    assert!(text.contains("dataset-fashion-mnist") && text.contains("cargo xtask setup"));
}

#[test]
fn files_that_do_not_fit_are_refused() {
    let side = refused(|folder| {
        write(
            folder,
            "train-images-idx3-ubyte",
            &[2, 28, 27],
            &[0; 2 * 28 * 27],
        );
    });
    assert!(matches!(
        side,
        Error::Side {
            height: 28,
            width: 27,
            ..
        }
    ));
    let count = refused(|folder| write(folder, "train-labels-idx1-ubyte", &[3], &[0, 1, 2]));
    assert!(matches!(
        count,
        Error::Dataset {
            source: dataset::Error::Size { labels: 3, .. },
            ..
        }
    ));
    let label = refused(|folder| write(folder, "train-labels-idx1-ubyte", &[2], &[0, 10]));
    assert!(matches!(
        label,
        Error::Dataset {
            source: dataset::Error::Label {
                label: 10,
                image: 1,
                ..
            },
            ..
        }
    ));
    let none = refused(|folder| {
        write(folder, "train-images-idx3-ubyte", &[0, 28, 28], &[]);
        write(folder, "train-labels-idx1-ubyte", &[0], &[]);
    });
    assert!(matches!(
        none,
        Error::Dataset {
            source: dataset::Error::Empty,
            ..
        }
    ));
    let cut = refused(|folder| write(folder, "t10k-images-idx3-ubyte", &[1, 28, 28], &[0; 783]));
    assert!(matches!(cut, Error::Idx(_)));
}

/// Images that can be told apart: each begins with its own number in two bytes.
fn numbered(count: u16) -> Dataset {
    let (mut values, labels) = images(count.into());
    for (number, image) in (0..count).zip(values.chunks_exact_mut(64)) {
        image[..2].copy_from_slice(&number.to_be_bytes());
    }
    Dataset::new(&values, &labels, INPUT, CLASSES).unwrap()
}

fn numbers(dataset: &Dataset) -> HashSet<i64> {
    let images = dataset.images().to_kind(Kind::Int64).view([-1, 64]);
    (0..images.size()[0])
        .map(|row| 256 * images.int64_value(&[row, 0]) + images.int64_value(&[row, 1]))
        .collect()
}

#[test]
fn a_split_is_disjoint_and_decided_by_its_seed() {
    let dataset = numbered(300);
    let sizes = Sizes {
        train: Some(150),
        validation: 100,
    };
    let split = |seed| {
        let split = Split::new(&dataset, sizes, seed).unwrap();
        (numbers(&split.train), numbers(&split.validation))
    };
    let (train, validation) = split(1);
    assert_eq!((train.len(), validation.len()), (150, 100));
    assert!(train.is_disjoint(&validation));
    assert_eq!((train, validation.clone()), split(1));
    assert_ne!(validation, split(2).1);
    let rest = Split::new(
        &dataset,
        Sizes {
            train: None,
            validation: 100,
        },
        1,
    )
    .unwrap();
    assert_eq!(rest.train.len(), 200);
}

#[test]
fn a_split_that_asks_for_too_much_is_refused() {
    let dataset = numbered(10);
    let message = |train, validation| {
        Split::new(&dataset, Sizes { train, validation }, 1)
            .unwrap_err()
            .to_string()
    };
    let expected = "8 images to train and 3 to validate are more than the 10 there are";
    assert_eq!(message(Some(8), 3), expected);
    assert!(message(Some(usize::MAX), 1).contains("more than the 10 there are"));
    assert!(message(None, 0).starts_with("the number of images to validate is 0"));
    assert!(message(None, 10).starts_with("the number of images to train on is 0"));
}
