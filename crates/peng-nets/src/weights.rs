//! Trainable weights, drawn from a seed and not from libtorch's global generator.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use tch::nn::{Path, VarStore};
use tch::{TchError, Tensor};

use crate::dataset::size;
use crate::random::{self, Purpose};

/// The names of the weights and the stream that draws them.
pub(crate) struct Weights<'a> {
    path: Path<'a>,
    stream: ChaCha8Rng,
}

/// Batch normalisation (Ioffe and Szegedy, arXiv 1502.03167).
#[derive(Debug)]
pub(crate) struct Norm {
    scale: Tensor,
    shift: Tensor,
    running_mean: Tensor,
    running_variance: Tensor,
}

/// A linear layer.
#[derive(Debug)]
pub(crate) struct Linear {
    weight: Tensor,
    bias: Tensor,
}

impl<'a> Weights<'a> {
    pub(crate) fn new(store: &'a VarStore, seed: u64) -> Self {
        Self {
            path: store.root(),
            stream: random::stream(seed, Purpose::Weights, 0),
        }
    }

    /// A convolution's kernel, of shape out x in x kernel x kernel.
    pub(crate) fn conv(
        &mut self,
        name: &str,
        [out, inward, kernel]: [usize; 3],
    ) -> Result<Tensor, TchError> {
        let inputs = inward * kernel * kernel;
        self.uniform(name, "weight", &[out, inward, kernel, kernel], inputs)
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
    ) -> Result<Linear, TchError> {
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
    ) -> Result<Tensor, TchError> {
        let bound = 1.0 / (inputs as f32).sqrt();
        let count = shape.iter().product();
        let values: Vec<f32> = (0..count)
            .map(|_| self.stream.random_range(-bound..=bound))
            .collect();
        let shape: Vec<i64> = shape.iter().map(|&side| size(side)).collect();
        let start = Tensor::f_from_slice(&values)?.f_view(shape.as_slice())?;
        self.path.sub(layer).f_var_copy(name, &start)
    }
}

impl Norm {
    /// `training`: by the statistics of the batch, which the running ones follow.
    pub(crate) fn forward(&self, values: &Tensor, training: bool) -> Result<Tensor, TchError> {
        values.f_batch_norm(
            Some(&self.scale),
            Some(&self.shift),
            Some(&self.running_mean),
            Some(&self.running_variance),
            training,
            0.1,
            1e-5,
            true,
        )
    }
}

impl Linear {
    pub(crate) fn forward(&self, values: &Tensor) -> Result<Tensor, TchError> {
        values.f_linear(&self.weight, Some(&self.bias))
    }
}
