//! Trainable weights, drawn from a seed and not from libtorch's global generator.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use tch::nn::{Path, VarStore};
use tch::{TchError, Tensor};

use super::error::Error;
use super::layers::{Conv, Linear, Norm};
use crate::dataset::size;
use crate::random::{self, Purpose};

/// The names of the weights and the stream that draws them.
pub(crate) struct Weights<'a> {
    path: Path<'a>,
    stream: ChaCha8Rng,
}

impl<'a> Weights<'a> {
    pub(crate) fn new(store: &'a VarStore, seed: u64) -> Self {
        Self {
            path: store.root(),
            stream: random::stream(seed, Purpose::Weights, 0),
        }
    }

    /// A convolution of stride 1 without bias; `shape` is out, in and the side of the kernel.
    pub(crate) fn conv(
        &mut self,
        name: &str,
        [out, inward, kernel]: [usize; 3],
        padding: usize,
    ) -> Result<Conv, Error> {
        let inputs = inward * kernel * kernel;
        let shape = [out, inward, kernel, kernel];
        Ok(Conv {
            kernel: self.uniform(name, "weight", &shape, inputs)?,
            bias: None,
            stride: 1,
            padding,
        })
    }

    /// A bias for a convolution, drawn as its kernel is.
    pub(crate) fn bias(&mut self, name: &str, conv: Conv) -> Result<Conv, Error> {
        let shape: Vec<usize> = conv.kernel.size().into_iter().map(unsigned).collect();
        let inputs = shape[1..].iter().product();
        Ok(Conv {
            bias: Some(self.uniform(name, "bias", &shape[..1], inputs)?),
            ..conv
        })
    }

    /// Scale 1 and shift 0; running mean 0 and variance 1.
    pub(crate) fn norm(&mut self, name: &str, channels: usize) -> Result<Norm, TchError> {
        let path = self.path.sub(name);
        let shape = [size(channels)];
        Ok(Norm {
            scale: path.f_ones("weight", &shape)?,
            shift: path.f_zeros("bias", &shape)?,
            running_mean: path.f_zeros_no_train("running_mean", &shape)?,
            running_variance: path.f_ones_no_train("running_var", &shape)?,
        })
    }

    pub(crate) fn linear(
        &mut self,
        name: &str,
        inputs: usize,
        outputs: usize,
    ) -> Result<Linear, Error> {
        Ok(Linear {
            weight: self.uniform(name, "weight", &[outputs, inputs], inputs)?,
            bias: self.uniform(name, "bias", &[outputs], inputs)?,
        })
    }

    /// Uniform within one over the square root of the inputs, as `PyTorch` starts layers by
    /// default (He et al., arXiv 1502.01852, with the gain of a = sqrt 5).
    fn uniform(
        &mut self,
        layer: &str,
        name: &str,
        shape: &[usize],
        inputs: usize,
    ) -> Result<Tensor, Error> {
        let bound = 1.0 / (inputs as f32).sqrt();
        let count = shape.iter().product();
        let mut values: Vec<f32> = Vec::new();
        let room = values.try_reserve_exact(count);
        room.map_err(|_| Error::Memory { weights: count })?;
        values.extend((0..count).map(|_| self.stream.random_range(-bound..=bound)));
        let shape: Vec<i64> = shape.iter().map(|&side| size(side)).collect();
        let start = Tensor::f_from_slice(&values)?.f_view(shape.as_slice())?;
        Ok(self.path.sub(layer).f_var_copy(name, &start)?)
    }
}

fn unsigned(side: i64) -> usize {
    usize::try_from(side).unwrap_or(0)
}
