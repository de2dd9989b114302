//! SVHN's MAT-files: small ones in the official format.

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use peng_nets::dataset::Check;
use peng_nets::dataset::svhn::{Error, load};
use tch::Kind;

fn element(kind: u32, data: &[u8]) -> Vec<u8> {
    let size = u32::try_from(data.len()).unwrap();
    let mut bytes = [kind.to_le_bytes(), size.to_le_bytes()].concat();
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}

/// A packed uint8 array.
fn array(name: u8, dimensions: &[u32], values: &[u8]) -> Vec<u8> {
    let dimensions: Vec<u8> = dimensions.iter().flat_map(|d| d.to_le_bytes()).collect();
    let parts = [
        element(6, &[9, 0, 0, 0, 0, 0, 0, 0]),
        element(5, &dimensions),
        vec![1, 0, 1, 0, name, 0, 0, 0],
        element(2, values),
    ];
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&element(14, &parts.concat())).unwrap();
    let packed = encoder.finish().unwrap();
    let size = u32::try_from(packed.len()).unwrap();
    [&15_u32.to_le_bytes()[..], &size.to_le_bytes(), &packed].concat()
}

/// Images whose value tells row, column, channel and place; `rows` instead of 32.
fn write(path: &Path, rows: u8, labels: &[u8]) {
    let count = u32::try_from(labels.len()).unwrap();
    let mut values = Vec::new();
    for (image, _) in (0..).zip(labels) {
        for channel in 0..3 {
            for column in 0..32 {
                values.extend((0..rows).map(|row| 4 * row + column + 30 * channel + image));
            }
        }
    }
    let mut bytes = vec![b' '; 124];
    bytes.extend([0, 1, b'I', b'M']);
    bytes.extend(array(b'X', &[rows.into(), 32, 3, count], &values));
    bytes.extend(array(b'y', &[count, 1], labels));
    fs::write(path, bytes).unwrap();
}

fn small(folder: &Path) {
    write(&folder.join("train_32x32.mat"), 32, &[1, 10, 9]);
    write(&folder.join("test_32x32.mat"), 32, &[5, 10]);
}

#[test]
fn images_are_turned_upright_and_ten_means_zero() {
    let folder = tempfile::tempdir().unwrap();
    small(folder.path());
    let parts = load(folder.path(), Check::Any).unwrap();
    assert_eq!((parts.train.len(), parts.test.len()), (3, 2));
    assert_eq!(parts.train.images().size(), [3, 3, 32, 32]);
    let images = parts.train.images().to_kind(Kind::Int64);
    assert_eq!(images.int64_value(&[2, 1, 7, 11]), 4 * 7 + 11 + 30 + 2);
    let labels: Vec<i64> = parts.train.labels().try_into().unwrap();
    assert_eq!(labels, [1, 0, 9]);
}

#[test]
fn what_is_not_the_published_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    small(folder.path());
    let error = load(folder.path(), Check::Official).unwrap_err();
    assert!(matches!(error, Error::Sum { .. }), "{error}");
    assert!(error.to_string().contains("train_32x32.mat"), "{error}");
}

#[test]
fn files_that_do_not_fit_are_refused_by_name() {
    let refused = |damage: &dyn Fn(&Path)| {
        let folder = tempfile::tempdir().unwrap();
        small(folder.path());
        damage(folder.path());
        load(folder.path(), Check::Any).unwrap_err()
    };
    let missing = refused(&|folder| fs::remove_file(folder.join("test_32x32.mat")).unwrap());
    assert!(
        missing.to_string().contains("ufldl.stanford.edu"),
        "{missing}"
    );
    let side = refused(&|folder| write(&folder.join("train_32x32.mat"), 31, &[1, 2]));
    assert!(
        side.to_string()
            .ends_with("train_32x32.mat: X must be [32, 32, 3, images], not [31, 32, 3, 2]"),
        "{side}"
    );
    let label = refused(&|folder| write(&folder.join("train_32x32.mat"), 32, &[1, 11]));
    assert!(matches!(label, Error::Dataset { .. }), "{label}");
    let cut = refused(&|folder| {
        let path = folder.join("train_32x32.mat");
        let bytes = fs::read(&path).unwrap();
        fs::write(path, &bytes[..bytes.len() - 9]).unwrap();
    });
    assert!(matches!(cut, Error::Mat(_)), "{cut}");
    let labels = refused(&|folder| {
        let path = folder.join("train_32x32.mat");
        let mut bytes = fs::read(&path).unwrap();
        bytes.truncate(bytes.len() - array(b'y', &[3, 1], &[1, 10, 9]).len());
        fs::write(path, bytes).unwrap();
    });
    assert!(
        labels.to_string().contains("y must be [3, 1], not missing"),
        "{labels}"
    );
}
