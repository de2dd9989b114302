//! Which images are trained on and which validate.

use tch::{Device, Kind, TchError, Tensor};

use super::{Dataset, size};
use crate::random::{self, Purpose};

/// Images that statistics are taken of at a time.
const IMAGES_AT_A_TIME: i64 = 1_024;

/// How many images go where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Images trained on, at least 1; `None`: all that do not validate.
    pub train: Option<usize>,
    /// Images that validate, at least 1.
    pub validation: usize,
}

/// Why a data set cannot be split so.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There are too few images.
    #[error(
        "{train} images to train and {validation} to validate are more than the {total} there are"
    )]
    TooMany {
        /// Images wished to train on.
        train: usize,
        /// Images wished to validate.
        validation: usize,
        /// Images there are.
        total: usize,
    },
    /// One side would be empty.
    #[error("the number of images to {0} is 0: it must be at least 1")]
    None(&'static str),
    /// Selecting failed.
    #[error("the images cannot be split")]
    Dataset(#[from] super::Error),
    /// libtorch failed.
    #[error("libtorch failed on the images")]
    Torch(#[from] TchError),
}

/// Training and validation images, with the statistics of the training images.
#[derive(Debug)]
pub struct Split {
    /// Images trained on.
    pub train: Dataset,
    /// Images that validate; none of them is trained on.
    pub validation: Dataset,
    normalisation: Normalisation,
}

/// Mean and standard deviation of each channel, of shape 1 x channels x 1 x 1, for values 0..255.
#[derive(Debug)]
struct Normalisation {
    mean: Tensor,
    deviation: Tensor,
}

impl Split {
    /// Draws the validation images, then the training images, at random by `seed`.
    pub fn new(images: &Dataset, sizes: Sizes, seed: u64) -> Result<Self, Error> {
        let total = images.len();
        let validation = sizes.validation;
        let train = sizes.train.unwrap_or(total.saturating_sub(validation));
        if validation == 0 {
            return Err(Error::None("validate"));
        }
        if train == 0 {
            return Err(Error::None("train on"));
        }
        if train.checked_add(validation).is_none_or(|sum| sum > total) {
            return Err(Error::TooMany {
                train,
                validation,
                total,
            });
        }
        let order = random::permutation(total, random::stream(seed, Purpose::Split, 0));
        let (validating, rest) = order.split_at(validation);
        let train = images.select(&rest[..train])?;
        Ok(Self {
            normalisation: Normalisation::of(&train)?,
            validation: images.select(validating)?,
            train,
        })
    }

    /// The same on a device; shared, not copied, where it is there already, so that several slots
    /// hold the images once.
    pub fn to_device(&self, device: Device) -> Result<Self, Error> {
        Ok(Self {
            train: self.train.to_device(device)?,
            validation: self.validation.to_device(device)?,
            normalisation: Normalisation {
                mean: self.normalisation.mean.f_to_device(device)?,
                deviation: self.normalisation.deviation.f_to_device(device)?,
            },
        })
    }

    /// The same images once more, not copied.
    #[must_use]
    pub fn share(&self) -> Self {
        Self {
            train: self.train.share(),
            validation: self.validation.share(),
            normalisation: Normalisation {
                mean: self.normalisation.mean.shallow_clone(),
                deviation: self.normalisation.deviation.shallow_clone(),
            },
        }
    }

    /// Images as they are, statistics on the device where they are to be normalised.
    pub(crate) fn normalising_on(self, device: Device) -> Result<Self, TchError> {
        Ok(Self {
            normalisation: Normalisation {
                mean: self.normalisation.mean.f_to_device(device)?,
                deviation: self.normalisation.deviation.f_to_device(device)?,
            },
            ..self
        })
    }

    /// Mean and standard deviation of each channel over the training images, of shape
    /// 1 x channels x 1 x 1, for values from 0 to 255.
    pub(crate) fn statistics(&self) -> (&Tensor, &Tensor) {
        (&self.normalisation.mean, &self.normalisation.deviation)
    }

    /// Bytes made numbers of mean 0 and deviation 1 over the training images, channel by channel.
    pub(crate) fn normalised(&self, images: &Tensor) -> Result<Tensor, TchError> {
        let mut values = images.f_to_kind(Kind::Float)?;
        let mut values = values.f_sub_(&self.normalisation.mean)?;
        values.f_div_(&self.normalisation.deviation)
    }
}

impl Normalisation {
    fn of(dataset: &Dataset) -> Result<Self, TchError> {
        let images = dataset.images();
        let (_, channels, height, width) = images.size4()?;
        let total = (size(dataset.len()) * height * width) as f64;
        let zeros = Tensor::f_zeros([1, channels, 1, 1], (Kind::Double, images.device()))?;
        let mean = sum(images, &zeros, Ok)?.f_div_scalar(total)?;
        let squares = sum(images, &mean, |mut values| values.f_square_())?;
        let deviation = squares.f_div_scalar(total)?.f_sqrt()?;
        Ok(Self {
            mean: mean.f_to_kind(Kind::Float)?,
            // Images of one colour have no deviation.
            deviation: deviation.f_clamp_min(1e-3)?.f_to_kind(Kind::Float)?,
        })
    }
}

/// The sum over all images and pixels of what `made` makes of their distance from `center`, a few
/// images at a time: as numbers they take four to eight times the room.
fn sum(
    images: &Tensor,
    center: &Tensor,
    made: impl Fn(Tensor) -> Result<Tensor, TchError>,
) -> Result<Tensor, TchError> {
    let mut sum = center.f_zeros_like()?;
    for part in images.f_split(IMAGES_AT_A_TIME, 0)? {
        let values = made(part.f_to_kind(Kind::Double)?.f_sub(center)?)?;
        let over: &[i64] = &[0, 2, 3];
        sum = sum.f_add(&values.f_sum_dim_intlist(over, true, Kind::Double)?)?;
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use peng_search::macro_space::Input;

    use super::*;

    #[test]
    fn statistics_are_those_of_all_images_at_once() {
        let input = Input {
            channels: 2,
            height: 3,
            width: 2,
        };
        let values = (0..3_000_u32 * 12).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8);
        let images = Dataset::new(&values.collect::<Vec<_>>(), &[0; 3_000], input, 1).unwrap();
        let found = Normalisation::of(&images).unwrap();
        let whole = images.images().to_kind(Kind::Double);
        let over: &[i64] = &[0, 2, 3];
        let mean = whole.mean_dim(over, true, Kind::Double);
        let deviation = whole.std_dim(over, false, true);
        for (found, right) in [(found.mean, mean), (found.deviation, deviation)] {
            assert_eq!(found.size(), [1, 2, 1, 1]);
            assert!(found.allclose(&right.to_kind(Kind::Float), 1e-6, 1e-5, false));
        }
    }
}
