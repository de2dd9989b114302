//! SVHN (Netzer et al., 2011), cropped digits: colour images of 32 x 32 pixels in two MAT-files,
//! `X` of rows x columns x channels x images and `y` with the digit, 10 for zero.

use std::io;
use std::path::{Path, PathBuf};

use peng_search::macro_space::Input;

use super::{Check, Dataset, Parts, checksum, mat5};

/// The shape of an image.
pub const INPUT: Input = Input {
    channels: 3,
    height: 32,
    width: 32,
};

/// The number of classes.
pub const CLASSES: usize = 10;

const SIDE: usize = 32;

/// A file with its images and its MD5 sum, as those who provide it record them.
struct File {
    name: &'static str,
    images: usize,
    md5: &'static str,
}

const TRAIN: File = File {
    name: "train_32x32.mat",
    images: 73_257,
    md5: "e26dedcc434d2e4c54c9b2d4a06d8373",
};

const TEST: File = File {
    name: "test_32x32.mat",
    images: 26_032,
    md5: "eb5a983be6a315427106f1b164d9cef3",
};

/// Why the data set cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file is not there.
    #[error(
        "{} is not there: SVHN's cropped digits come from http://ufldl.stanford.edu/housenumbers/; \
         put train_32x32.mat and test_32x32.mat into the folder", .0.display()
    )]
    Missing(PathBuf),
    /// A file cannot be read.
    #[error("{} cannot be read", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not the published one.
    #[error(
        "{} is damaged: its MD5 sum is {found}, that of the published one {expected}; get it again",
        path.display()
    )]
    Sum {
        /// The file.
        path: PathBuf,
        /// Its sum.
        found: String,
        /// The published one's.
        expected: &'static str,
    },
    /// A file is no MAT-file, or damaged.
    #[error("a file of SVHN is damaged, get it again")]
    Mat(#[from] mat5::Error),
    /// An array is missing or has another shape.
    #[error("{}: {array} must be {right}, not {found}", path.display())]
    Array {
        /// The file.
        path: PathBuf,
        /// The array.
        array: &'static str,
        /// What it must be.
        right: String,
        /// What it is.
        found: String,
    },
    /// Images and labels do not fit each other.
    #[error("{}: images and labels do not fit each other", path.display())]
    Dataset {
        /// The file.
        path: PathBuf,
        /// In what.
        source: super::Error,
    },
}

/// Loads both files from a folder.
pub fn load(folder: &Path, check: Check) -> Result<Parts, Error> {
    Ok(Parts {
        train: part(folder, &TRAIN, check)?,
        test: part(folder, &TEST, check)?,
    })
}

fn part(folder: &Path, file: &File, check: Check) -> Result<Dataset, Error> {
    let path = folder.join(file.name);
    if !path.is_file() {
        return Err(Error::Missing(path));
    }
    if check == Check::Official {
        let found = checksum::md5(&path).map_err(|source| Error::Io {
            path: path.clone(),
            source,
        })?;
        if found != file.md5 {
            let expected = file.md5;
            return Err(Error::Sum {
                path,
                found,
                expected,
            });
        }
    }
    let arrays = mat5::read(&path)?;
    let named = |name| arrays.iter().find(|array| array.name == name);
    let images = named("X").map_or(&[][..], |array| &array.dimensions);
    let wrong = |array, right: String, found: &[usize]| Error::Array {
        path: path.clone(),
        array,
        right,
        found: if found.is_empty() {
            "missing".to_owned()
        } else {
            format!("{found:?}")
        },
    };
    let count = match (images, check) {
        (&[SIDE, SIDE, 3, count], Check::Any) => count,
        (&[SIDE, SIDE, 3, count], Check::Official) if count == file.images => count,
        // A last dimension of one is not written.
        (&[SIDE, SIDE, 3], Check::Any) => 1,
        _ => {
            let right = match check {
                Check::Official => format!("[32, 32, 3, {}]", file.images),
                Check::Any => "[32, 32, 3, images]".to_owned(),
            };
            return Err(wrong("X", right, images));
        }
    };
    let labels = named("y").map_or(&[][..], |array| &array.dimensions);
    if !matches!(labels, [rows, 1] if *rows == count) {
        return Err(wrong("y", format!("[{count}, 1]"), labels));
    }
    let values = |name| named(name).map_or(&[][..], |array| &array.values);
    let labels: Vec<u8> = values("y")
        .iter()
        .map(|&digit| if digit == 10 { 0 } else { digit })
        .collect();
    Dataset::new(&by_rows(values("X")), &labels, INPUT, CLASSES)
        .map_err(|source| Error::Dataset { path, source })
}

/// Planes written column by column, row by row.
fn by_rows(columns: &[u8]) -> Vec<u8> {
    let mut rows = vec![0; columns.len()];
    let planes = columns.chunks_exact(SIDE * SIDE);
    for (plane, turned) in planes.zip(rows.chunks_exact_mut(SIDE * SIDE)) {
        for (column, values) in plane.chunks_exact(SIDE).enumerate() {
            for (row, value) in values.iter().enumerate() {
                turned[row * SIDE + column] = *value;
            }
        }
    }
    rows
}
