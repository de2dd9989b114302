//! Fashion-MNIST (Xiao, Rasul and Vollgraf, arXiv 1708.07747): 60,000 training and 10,000 test
//! images of clothes, 28 x 28 grey values, 10 classes, in four IDX files.

use std::path::{Path, PathBuf};

use peng_search::macro_space::Input;

use super::{Check, Dataset, Parts, checksum, idx};

/// The shape of an image.
pub const INPUT: Input = Input {
    channels: 1,
    height: 28,
    width: 28,
};

/// The number of classes.
pub const CLASSES: usize = 10;

/// A file with the SHA-256 sum of its unpacked content. The publisher gives MD5 sums of the packed
/// files, which Debian packs anew.
struct File {
    name: &'static str,
    sha256: &'static str,
}

const TRAIN: [File; 2] = [
    File {
        name: "train-images-idx3-ubyte",
        sha256: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    },
    File {
        name: "train-labels-idx1-ubyte",
        sha256: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    },
];

const TEST: [File; 2] = [
    File {
        name: "t10k-images-idx3-ubyte",
        sha256: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    },
    File {
        name: "t10k-labels-idx1-ubyte",
        sha256: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
];

/// Why the data set cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file is not there.
    #[error(
        "{} holds neither {name} nor {name}.gz: Fashion-MNIST comes from \
         https://github.com/zalandoresearch/fashion-mnist or Debian's package \
         dataset-fashion-mnist; put its four files there, or run `cargo xtask setup`", folder.display()
    )]
    Missing {
        /// Where it was looked for.
        folder: PathBuf,
        /// The file's name.
        name: String,
    },
    /// A file is no IDX file, or damaged.
    #[error("a file of Fashion-MNIST is damaged, get it again")]
    Idx(#[from] idx::Error),
    /// A file is not the published one.
    #[error(
        "{} is damaged: the SHA-256 sum of its content is {found}, that of the published one \
         {expected}; get it again", path.display()
    )]
    Sum {
        /// The file.
        path: PathBuf,
        /// Its sum.
        found: String,
        /// The published one's.
        expected: &'static str,
    },
    /// The images have another size.
    #[error("{}: the images are {height} x {width} pixels, not 28 x 28", path.display())]
    Side {
        /// The file.
        path: PathBuf,
        /// Height in pixels.
        height: usize,
        /// Width in pixels.
        width: usize,
    },
    /// Images and labels do not fit each other.
    #[error("{} and its labels do not fit each other", path.display())]
    Dataset {
        /// The file of the images.
        path: PathBuf,
        /// In what they do not fit.
        source: super::Error,
    },
}

/// Loads the four official files, plain or `.gz`, from a folder.
pub fn load(folder: &Path, check: Check) -> Result<Parts, Error> {
    Ok(Parts {
        train: part(folder, &TRAIN, check)?,
        test: part(folder, &TEST, check)?,
    })
}

fn part(folder: &Path, [images, labels]: &[File; 2], check: Check) -> Result<Dataset, Error> {
    let (path, images) = read(folder, images, 3, check)?;
    let (_, labels) = read(folder, labels, 1, check)?;
    let (height, width) = (images.dimensions[1], images.dimensions[2]);
    if (height, width) != (INPUT.height, INPUT.width) {
        return Err(Error::Side {
            path,
            height,
            width,
        });
    }
    Dataset::new(&images.values, &labels.values, INPUT, CLASSES)
        .map_err(|source| Error::Dataset { path, source })
}

fn read(
    folder: &Path,
    file: &File,
    dimensions: usize,
    check: Check,
) -> Result<(PathBuf, idx::Idx), Error> {
    let path = find(folder, file.name)?;
    let content = idx::read(&path, dimensions)?;
    if check == Check::Official {
        let found = checksum::sha256([&content.header()[..], &content.values]);
        if found != file.sha256 {
            let expected = file.sha256;
            return Err(Error::Sum {
                path,
                found,
                expected,
            });
        }
    }
    Ok((path, content))
}

fn find(folder: &Path, name: &str) -> Result<PathBuf, Error> {
    [format!("{name}.gz"), name.to_owned()]
        .into_iter()
        .map(|file| folder.join(file))
        .find(|path| path.is_file())
        .ok_or_else(|| Error::Missing {
            folder: folder.to_path_buf(),
            name: name.to_owned(),
        })
}
