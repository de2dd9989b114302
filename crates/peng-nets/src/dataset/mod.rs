//! Labelled images: readers of the official formats, and the split into training and validation.

mod checksum;
pub mod cifar;
pub mod class_folders;
pub mod fashion_mnist;
pub mod idx;
pub mod mat5;
pub mod source;
pub mod split;
pub mod svhn;

use peng_search::macro_space::Input;
use tch::{Device, Kind, TchError, Tensor};

/// Labelled images on one device.
#[derive(Debug)]
pub struct Dataset {
    images: Tensor,
    labels: Tensor,
    input: Input,
    classes: usize,
}

/// A data set in its two parts.
#[derive(Debug)]
pub struct Parts {
    /// The training images; the validation split is taken from them.
    pub train: Dataset,
    /// The test images.
    pub test: Dataset,
}

/// What files are held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Check {
    /// The published sizes and checksums.
    #[default]
    Official,
    /// The format alone: for a part of a data set, or images of one's own in its format.
    Any,
}

/// Why images and labels are no data set.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The numbers of images and labels differ, or bytes are missing.
    #[error(
        "{labels} labels need {expected} bytes of images of {channels} x {height} x {width}, not {found}"
    )]
    Size {
        /// Number of labels.
        labels: usize,
        /// Bytes the images would have.
        expected: usize,
        /// Bytes the images have.
        found: usize,
        /// Channels of an image.
        channels: usize,
        /// Height in pixels.
        height: usize,
        /// Width in pixels.
        width: usize,
    },
    /// A label names no class.
    #[error("label {label} of image {image} is no class: there are {classes}, from 0")]
    Label {
        /// The label.
        label: u8,
        /// The image's place, from 0.
        image: usize,
        /// How many classes there are.
        classes: usize,
    },
    /// There is no image at all.
    #[error("the data set is empty")]
    Empty,
    /// libtorch failed.
    #[error("libtorch failed on the images")]
    Torch(#[from] TchError),
}

impl Dataset {
    /// `images` holds one image after the other, each channel by channel and row by row, a byte
    /// from 0 (black) to 255 a value; `labels` a class from 0 for each image.
    pub fn new(images: &[u8], labels: &[u8], input: Input, classes: usize) -> Result<Self, Error> {
        let Input {
            channels,
            height,
            width,
        } = input;
        let expected = labels.len() * channels * height * width;
        if images.len() != expected {
            return Err(Error::Size {
                labels: labels.len(),
                expected,
                found: images.len(),
                channels,
                height,
                width,
            });
        }
        if labels.is_empty() {
            return Err(Error::Empty);
        }
        let outside = |label: &u8| usize::from(*label) >= classes;
        if let Some(image) = labels.iter().position(outside) {
            let label = labels[image];
            return Err(Error::Label {
                label,
                image,
                classes,
            });
        }
        let shape = [labels.len(), channels, height, width].map(size);
        let labels: Vec<i64> = labels.iter().map(|&label| label.into()).collect();
        Ok(Self {
            images: Tensor::f_from_data_size(images, &shape, Kind::Uint8)?,
            labels: Tensor::f_from_slice(&labels)?,
            input,
            classes,
        })
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.images
            .size()
            .first()
            .map_or(0, |&count| usize::try_from(count).unwrap_or(0))
    }

    /// Whether there is no image; never the case.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The shape of one image.
    pub fn input(&self) -> Input {
        self.input
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Bytes of shape images x channels x height x width.
    pub fn images(&self) -> &Tensor {
        &self.images
    }

    /// 64-bit classes from 0, of shape images.
    pub fn labels(&self) -> &Tensor {
        &self.labels
    }

    /// The same images on a device; shared, not copied, where they are there already.
    pub fn to_device(&self, device: Device) -> Result<Self, Error> {
        Ok(Self {
            images: self.images.f_to_device(device)?,
            labels: self.labels.f_to_device(device)?,
            input: self.input,
            classes: self.classes,
        })
    }

    fn share(&self) -> Self {
        Self {
            images: self.images.shallow_clone(),
            labels: self.labels.shallow_clone(),
            input: self.input,
            classes: self.classes,
        }
    }

    /// The images at these places, copied.
    pub(crate) fn select(&self, places: &[i64]) -> Result<Self, Error> {
        let places = Tensor::f_from_slice(places)?.f_to_device(self.images.device())?;
        Ok(Self {
            images: self.images.f_index_select(0, &places)?,
            labels: self.labels.f_index_select(0, &places)?,
            input: self.input,
            classes: self.classes,
        })
    }
}

/// A size as libtorch wants it; memory holds no tensor that this would cut.
pub(crate) fn size(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
