//! Random changes of training images, drawn from the candidate's stream.

use rand::Rng;
use serde::{Deserialize, Serialize};
use tch::{TchError, Tensor};

/// Random shifts and flips; off by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augmentation {
    /// Furthest shift in each direction in pixels; black comes in from the border.
    pub shift: u8,
    /// Whether each image is mirrored left to right by the toss of a coin.
    pub flip: bool,
}

impl Augmentation {
    /// Changes each image of a batch (images x channels x height x width) by itself.
    pub(crate) fn apply(self, images: Tensor, chance: &mut impl Rng) -> Result<Tensor, TchError> {
        if self == Self::default() {
            return Ok(images);
        }
        let shape = images.size();
        let [count, channels, height, width] = shape[..] else {
            return Ok(images);
        };
        let furthest = 2 * i64::from(self.shift);
        let (mut rows, mut columns) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let (down, right) = (
                chance.random_range(0..=furthest),
                chance.random_range(0..=furthest),
            );
            rows.extend(down..down + height);
            if self.flip && chance.random() {
                columns.extend((right..right + width).rev());
            } else {
                columns.extend(right..right + width);
            }
        }
        let device = images.device();
        let border = i64::from(self.shift);
        let padded = images.f_constant_pad_nd([border, border, border, border])?;
        let kind = (tch::Kind::Int64, device);
        let image = Tensor::f_arange(count, kind)?.f_view([count, 1, 1, 1])?;
        let channel = Tensor::f_arange(channels, kind)?.f_view([1, channels, 1, 1])?;
        let rows = Tensor::f_from_slice(&rows)?.f_to_device(device)?;
        let rows = rows.f_view([count, 1, height, 1])?;
        let columns = Tensor::f_from_slice(&columns)?.f_to_device(device)?;
        let columns = columns.f_view([count, 1, 1, width])?;
        padded.f_index(&[Some(image), Some(channel), Some(rows), Some(columns)])
    }
}
