//! Random changes of training images, drawn from the candidate's stream and made on the device.

use rand::Rng;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, TchError, Tensor};

/// Random shifts, flips and cut-outs; off by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augmentation {
    /// Furthest shift in each direction in pixels; black comes in from the border.
    pub shift: u8,
    /// Whether each image is mirrored left to right by the toss of a coin.
    pub flip: bool,
    /// Side in pixels of a square around a random place that is blackened, as far as it lies in
    /// the image (`DeVries` and Taylor, arXiv 1708.04552); 0 means none.
    pub cutout: u8,
}

impl Augmentation {
    /// Changes each image of a batch (images x channels x height x width) by itself.
    pub(crate) fn apply(self, images: Tensor, chance: &mut impl Rng) -> Result<Tensor, TchError> {
        let moved = if self.shift > 0 || self.flip {
            self.shift_and_flip(&images, chance)?
        } else {
            images
        };
        if self.cutout > 0 {
            self.cut_out(&moved, chance)
        } else {
            Ok(moved)
        }
    }

    fn shift_and_flip(self, images: &Tensor, chance: &mut impl Rng) -> Result<Tensor, TchError> {
        let (count, channels, height, width) = images.size4()?;
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
        let kind = (Kind::Int64, device);
        let image = Tensor::f_arange(count, kind)?.f_view([count, 1, 1, 1])?;
        let channel = Tensor::f_arange(channels, kind)?.f_view([1, channels, 1, 1])?;
        let rows = on(device, &rows)?.f_view([count, 1, height, 1])?;
        let columns = on(device, &columns)?.f_view([count, 1, 1, width])?;
        padded.f_index(&[Some(image), Some(channel), Some(rows), Some(columns)])
    }

    fn cut_out(self, images: &Tensor, chance: &mut impl Rng) -> Result<Tensor, TchError> {
        let (count, _, height, width) = images.size4()?;
        let device = images.device();
        let side = i64::from(self.cutout);
        let (mut tops, mut lefts) = (Vec::new(), Vec::new());
        for _ in 0..count {
            tops.push(chance.random_range(0..height) - side / 2);
            lefts.push(chance.random_range(0..width) - side / 2);
        }
        let inside = |starts: &[i64], length: i64, shape: [i64; 4]| {
            let places = Tensor::f_arange(length, (Kind::Int64, device))?.f_view(shape)?;
            let places = places.f_sub(&on(device, starts)?.f_view([count, 1, 1, 1])?)?;
            places
                .f_greater_equal(0)?
                .f_logical_and(&places.f_less(side)?)
        };
        let rows = inside(&tops, height, [1, 1, height, 1])?;
        let columns = inside(&lefts, width, [1, 1, 1, width])?;
        images.f_masked_fill(&rows.f_logical_and(&columns)?, 0)
    }
}

fn on(device: Device, values: &[i64]) -> Result<Tensor, TchError> {
    Tensor::f_from_slice(values)?.f_to_device(device)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn a_cut_out_is_a_black_square_of_each_image() {
        let images = Tensor::full([50, 3, 12, 12], 200, (Kind::Uint8, Device::Cpu));
        let augmentation = Augmentation {
            cutout: 4,
            ..Augmentation::default()
        };
        let mut chance = ChaCha8Rng::seed_from_u64(1);
        let cut = augmentation.apply(images, &mut chance).unwrap();
        let black = cut
            .eq(0)
            .sum_dim_intlist(&[2_i64, 3][..], false, Kind::Int64);
        let black: Vec<Vec<i64>> = black.try_into().unwrap();
        for image in &black {
            assert!((4..=16).contains(&image[0]), "{image:?}");
            assert!(
                image.iter().all(|&count| count == image[0]),
                "all channels alike"
            );
        }
        assert!(black.iter().any(|image| image[0] == 16));
    }

    #[test]
    fn shifts_and_flips_move_pixels_and_bring_in_black() {
        let row: Vec<u8> = (1..=8).collect();
        let image = Tensor::from_slice(&row)
            .view([1, 1, 1, 8])
            .repeat([40, 1, 1, 1]);
        let augmentation = Augmentation {
            shift: 1,
            flip: true,
            cutout: 0,
        };
        let mut chance = ChaCha8Rng::seed_from_u64(2);
        let moved = augmentation.apply(image, &mut chance).unwrap();
        let rows: Vec<Vec<u8>> = moved.view([40, 8]).try_into().unwrap();
        let plain: Vec<Vec<u8>> = (0_u8..3)
            .map(|n| (n..n + 8).map(|v| if v > 8 { 0 } else { v }).collect())
            .collect();
        for row in rows.iter().filter(|row| row.iter().any(|&value| value > 0)) {
            let turned: Vec<u8> = row.iter().rev().copied().collect();
            assert!(plain.contains(row) || plain.contains(&turned), "{row:?}");
        }
    }
}
