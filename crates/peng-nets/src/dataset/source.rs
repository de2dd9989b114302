//! Data sets by their id.

use std::path::{Path, PathBuf};

use peng_search::macro_space::Input;

use super::{Check, Parts, cifar, class_folders, fashion_mnist, svhn};

/// Why a data set cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The id is of none that is known, and there is no folder of that name.
    #[error(
        "there is no data set {id}: {} is no folder with train/CLASS/IMAGE and test/CLASS/IMAGE, \
         and fashion-mnist, cifar-10, cifar-100 and svhn are those with a format of their own",
        folder.display()
    )]
    Unknown {
        /// The id.
        id: String,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// Fashion-MNIST cannot be loaded.
    #[error(transparent)]
    FashionMnist(#[from] fashion_mnist::Error),
    /// CIFAR-10 or CIFAR-100 cannot be loaded.
    #[error(transparent)]
    Cifar(#[from] cifar::Error),
    /// SVHN cannot be loaded.
    #[error(transparent)]
    Svhn(#[from] svhn::Error),
    /// Images of one's own cannot be loaded.
    #[error(transparent)]
    ClassFolders(#[from] class_folders::Error),
}

/// Loads the data set `id` from `folder`, or from the folder `id` inside it where there is one.
///
/// `fashion-mnist`, `cifar-10`, `cifar-100` and `svhn` are read in their official formats and held
/// against `check`; any other id is a folder of images by class, made to the shape `input`.
pub fn load(id: &str, folder: &Path, input: Input, check: Check) -> Result<Parts, Error> {
    let own = folder.join(id);
    let found = if own.is_dir() { &own } else { folder };
    Ok(match id {
        "fashion-mnist" => fashion_mnist::load(found, check)?,
        "cifar-10" => cifar::load(&cifar::CIFAR_10, found, check)?,
        "cifar-100" => cifar::load(&cifar::CIFAR_100, found, check)?,
        "svhn" => svhn::load(found, check)?,
        _ if own.join("train").is_dir() => class_folders::load(&own, input)?,
        _ => {
            return Err(Error::Unknown {
                id: id.to_owned(),
                folder: own,
            });
        }
    })
}
