//! Images of one's own: `train/CLASS/IMAGE` and `test/CLASS/IMAGE` in a folder, as PNG, JPEG or BMP.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use image::imageops::FilterType;
use image::{DynamicImage, ImageError, ImageReader};
use peng_search::macro_space::Input;

use super::{Dataset, Parts};

/// Names that end so are images; others are passed over.
const EXTENSIONS: [&str; 4] = ["bmp", "jpeg", "jpg", "png"];

/// Most classes: a label is a byte.
const MOST_CLASSES: usize = 256;

/// Why a folder cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A folder or a file cannot be read.
    #[error("{} cannot be read", path.display())]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A part has no classes, or more than 256.
    #[error(
        "{} holds {found} folders: it must hold 1 to 256, one a class, with its images", path.display()
    )]
    Classes {
        /// The part's folder.
        path: PathBuf,
        /// How many there are.
        found: usize,
    },
    /// A class has no image.
    #[error("{} holds no image: {} would be one", path.display(), EXTENSIONS.map(|e| format!("*.{e}")).join(", "))]
    Empty {
        /// The class's folder.
        path: PathBuf,
    },
    /// The test part has other classes.
    #[error("{} has the classes {test:?}, and train has {train:?}: they must be the same", path.display())]
    Different {
        /// The test part's folder.
        path: PathBuf,
        /// Its classes.
        test: Vec<String>,
        /// The training part's.
        train: Vec<String>,
    },
    /// An image is damaged or of another format.
    #[error("{} is no image that can be read: remove it, or put a whole one there", path.display())]
    Image {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ImageError,
    },
    /// Only grey and colour images can be made.
    #[error(
        "images of {0} channels cannot be made from files: 1 (grey) or 3 (colour) would be right"
    )]
    Channels(usize),
    /// The images are no data set.
    #[error("the images of {} are no data set", path.display())]
    Dataset {
        /// The part's folder.
        path: PathBuf,
        /// Why.
        source: super::Error,
    },
}

/// Loads both parts as images of the shape `input`: what is larger or smaller is scaled to cover
/// it and cut around the middle; colours become grey where `input` has one channel. Classes are
/// numbered in the order of their names.
pub fn load(folder: &Path, input: Input) -> Result<Parts, Error> {
    let (train, classes) = part(&folder.join("train"), input)?;
    let path = folder.join("test");
    let (test, found) = part(&path, input)?;
    if found != classes {
        return Err(Error::Different {
            path,
            test: found,
            train: classes,
        });
    }
    Ok(Parts { train, test })
}

fn part(folder: &Path, input: Input) -> Result<(Dataset, Vec<String>), Error> {
    if !matches!(input.channels, 1 | 3) {
        return Err(Error::Channels(input.channels));
    }
    let classes: Vec<PathBuf> = entries(folder)?
        .into_iter()
        .filter(|path| path.is_dir())
        .collect();
    if classes.is_empty() || classes.len() > MOST_CLASSES {
        return Err(Error::Classes {
            path: folder.to_path_buf(),
            found: classes.len(),
        });
    }
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    for (label, class) in (0..=u8::MAX).zip(&classes) {
        let is_image = |path: &PathBuf| {
            let extension = path.extension().and_then(|extension| extension.to_str());
            extension.is_some_and(|e| EXTENSIONS.contains(&e.to_ascii_lowercase().as_str()))
        };
        let images: Vec<PathBuf> = entries(class)?.into_iter().filter(is_image).collect();
        if images.is_empty() {
            let path = class.clone();
            return Err(Error::Empty { path });
        }
        for image in &images {
            push(&mut values, &open(image)?, input);
            labels.push(label);
        }
    }
    let dataset = Dataset::new(&values, &labels, input, classes.len());
    let dataset = dataset.map_err(|source| Error::Dataset {
        path: folder.to_path_buf(),
        source,
    })?;
    let name = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    Ok((dataset, classes.iter().map(name).collect()))
}

/// What is in a folder, by name; hidden entries are not.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |source| Error::Io {
        path: folder.to_path_buf(),
        source,
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

fn open(path: &Path) -> Result<DynamicImage, Error> {
    let failed = |source| Error::Io {
        path: path.to_path_buf(),
        source,
    };
    let reader = ImageReader::open(path).map_err(failed)?;
    let reader = reader.with_guessed_format().map_err(failed)?;
    reader.decode().map_err(|source| Error::Image {
        path: path.to_path_buf(),
        source,
    })
}

/// Adds an image channel by channel.
fn push(values: &mut Vec<u8>, image: &DynamicImage, input: Input) {
    let side = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX);
    let (width, height) = (side(input.width), side(input.height));
    let scaled;
    let image = if (image.width(), image.height()) == (width, height) {
        image
    } else {
        scaled = image.resize_to_fill(width, height, FilterType::Triangle);
        &scaled
    };
    if input.channels == 1 {
        values.extend(image.to_luma8().into_raw());
        return;
    }
    let pixels = image.to_rgb8();
    for channel in 0..3 {
        values.extend(pixels.pixels().map(|pixel| pixel.0[channel]));
    }
}
