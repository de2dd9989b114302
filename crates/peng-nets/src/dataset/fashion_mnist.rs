//! Fashion-MNIST (Xiao, Rasul and Vollgraf, arXiv 1708.07747): 60,000 training and 10,000 test
//! images of clothes, 28 x 28 grey values, 10 classes, in four IDX files.

use std::path::{Path, PathBuf};

use peng_search::macro_space::Input;

use super::{Dataset, idx};

/// The shape of an image.
pub const INPUT: Input = Input {
    channels: 1,
    height: 28,
    width: 28,
};

/// The number of classes.
pub const CLASSES: usize = 10;

/// The data set as published.
#[derive(Debug)]
pub struct FashionMnist {
    /// The training images; the validation split is taken from them.
    pub train: Dataset,
    /// The test images.
    pub test: Dataset,
}

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
    #[error("a file of Fashion-MNIST is damaged")]
    Idx(#[from] idx::Error),
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
pub fn load(folder: &Path) -> Result<FashionMnist, Error> {
    Ok(FashionMnist {
        train: part(folder, "train")?,
        test: part(folder, "t10k")?,
    })
}

fn part(folder: &Path, name: &str) -> Result<Dataset, Error> {
    let path = find(folder, &format!("{name}-images-idx3-ubyte"))?;
    let images = idx::read(&path, 3)?;
    let labels = idx::read(&find(folder, &format!("{name}-labels-idx1-ubyte"))?, 1)?;
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
