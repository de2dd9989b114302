//! CIFAR's binary version: small files in the official format, packed and unpacked.

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use peng_nets::dataset::cifar::{CIFAR_10, CIFAR_100, Error, Layout, load};
use peng_nets::dataset::{self, Check};
use tch::Kind;

/// CIFAR-10 with two images a file.
const SMALL: Layout = Layout {
    train_images: 2,
    test_images: 2,
    classes: 2,
    ..CIFAR_10
};

/// Records whose pixels hold the label, the place of the channel and the row.
fn records(labels: &[u8], before: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for &label in labels {
        bytes.extend(before);
        bytes.push(label);
        for channel in 0..3 {
            for row in 0..32 {
                bytes.extend([100 * label.min(1) + 40 * channel + row; 32]);
            }
        }
    }
    bytes
}

fn write(folder: &Path, layout: &Layout, labels: &[u8], before: &[u8]) {
    for file in layout.train.iter().chain([&layout.test]) {
        fs::write(folder.join(file), records(labels, before)).unwrap();
    }
}

fn pack(folder: &Path, layout: &Layout, files: &[&str]) {
    let file = fs::File::create(folder.join(layout.archive)).unwrap();
    let mut archive = tar::Builder::new(GzEncoder::new(file, Compression::fast()));
    for file in files {
        let bytes = records(&[0, 1], &[]);
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        let path = format!("{}/{file}", layout.folder);
        archive.append_data(&mut header, path, &bytes[..]).unwrap();
    }
    archive
        .into_inner()
        .unwrap()
        .finish()
        .unwrap()
        .flush()
        .unwrap();
}

fn refused(damage: impl Fn(&Path)) -> Error {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &SMALL, &[0, 1], &[]);
    damage(folder.path());
    load(&SMALL, folder.path(), Check::Official).unwrap_err()
}

#[test]
fn files_of_the_official_size_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let unpacked = folder.path().join(SMALL.folder);
    fs::create_dir(&unpacked).unwrap();
    write(&unpacked, &SMALL, &[0, 1], &[]);
    for folder in [folder.path(), unpacked.as_path()] {
        let parts = load(&SMALL, folder, Check::Official).unwrap();
        assert_eq!((parts.train.len(), parts.test.len()), (10, 2));
        assert_eq!(parts.train.images().size(), [10, 3, 32, 32]);
        let pixel = |place: &[i64]| {
            let images = parts.train.images().to_kind(Kind::Int64);
            images.int64_value(place)
        };
        assert_eq!(pixel(&[1, 2, 31, 0]), 100 + 80 + 31);
        assert_eq!(pixel(&[0, 1, 5, 31]), 40 + 5);
        assert_eq!(parts.train.labels().int64_value(&[9]), 1);
    }
}

#[test]
fn the_fine_label_of_cifar_100_counts() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &CIFAR_100, &[99, 7], &[13]);
    let parts = load(&CIFAR_100, folder.path(), Check::Any).unwrap();
    assert_eq!(parts.train.len(), 2);
    assert_eq!(parts.train.labels().int64_value(&[0]), 99);
    assert_eq!(parts.test.classes(), 100);
}

#[test]
fn the_archive_is_read_whatever_the_order_of_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let mut files: Vec<&str> = SMALL.train.to_vec();
    files.insert(0, SMALL.test);
    files.insert(3, "batches.meta.txt");
    pack(folder.path(), &SMALL, &files);
    let parts = load(&SMALL, folder.path(), Check::Any).unwrap();
    assert_eq!((parts.train.len(), parts.test.len()), (10, 2));
    let error = load(&SMALL, folder.path(), Check::Official).unwrap_err();
    assert!(matches!(error, Error::Sum { .. }), "{error}");
    assert!(
        error.to_string().contains("cifar-10-binary.tar.gz"),
        "{error}"
    );
}

#[test]
fn an_archive_without_a_file_or_cut_off_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    pack(folder.path(), &SMALL, &SMALL.train[..4]);
    let error = load(&SMALL, folder.path(), Check::Any).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Missing {
                file: "data_batch_5.bin",
                ..
            }
        ),
        "{error}"
    );
    pack(folder.path(), &SMALL, SMALL.train);
    let path = folder.path().join(SMALL.archive);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let error = load(&SMALL, folder.path(), Check::Any).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
}

#[test]
fn files_that_do_not_fit_are_refused_by_name() {
    let cut = refused(|folder| {
        let path = folder.join("data_batch_3.bin");
        let bytes = fs::read(&path).unwrap();
        fs::write(path, &bytes[..bytes.len() - 1]).unwrap();
    });
    let text = cut.to_string();
    assert!(
        text.contains("data_batch_3.bin is 6145 bytes long"),
        "{text}"
    );
    assert!(text.contains("2 records of 3073 bytes make 6146"), "{text}");
    let long = refused(|folder| {
        fs::write(folder.join("test_batch.bin"), records(&[0, 1, 0], &[])).unwrap();
    });
    assert!(long.to_string().contains("test_batch.bin"), "{long}");
    let uneven = refused(|folder| {
        fs::write(folder.join("data_batch_1.bin"), records(&[1, 1], &[])).unwrap();
    });
    assert!(
        matches!(
            uneven,
            Error::Balance {
                class: 0,
                found: 4,
                ..
            }
        ),
        "{uneven}"
    );
    let label = refused(|folder| {
        fs::write(folder.join("data_batch_1.bin"), records(&[0, 2], &[])).unwrap();
    });
    let Error::Dataset { source, .. } = &label else {
        panic!("{label}")
    };
    assert!(
        matches!(source, dataset::Error::Label { label: 2, .. }),
        "{source}"
    );
    let missing = refused(|folder| fs::remove_file(folder.join("test_batch.bin")).unwrap());
    let text = missing.to_string();
    assert!(
        text.contains("neither test_batch.bin nor cifar-10-binary.tar.gz"),
        "{text}"
    );
    assert!(text.contains("cs.toronto.edu"), "{text}");
}
