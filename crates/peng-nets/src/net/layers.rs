//! The layers that networks are made of: the one way to libtorch's kernels, so that precision and
//! the count of operations are decided in one place.

use std::cell::Cell;

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use tch::{Kind, TchError, Tensor};

use crate::dataset::size;

/// What a forward pass is computed in and for.
pub(crate) struct Pass<'a> {
    /// The stream that dropout draws from: in training only.
    chance: Option<&'a mut ChaCha8Rng>,
    /// Whether convolutions and products are computed in 16-bit brain floats.
    half: bool,
    /// Whether the channels of a pixel lie side by side.
    channels_last: bool,
    /// Operations of layers so far, counted from the tensors that run through them.
    operations: Cell<u64>,
}

impl<'a> Pass<'a> {
    /// A pass in 32 bits that measures.
    pub(crate) fn evaluation() -> Self {
        Self {
            chance: None,
            half: false,
            channels_last: false,
            operations: Cell::new(0),
        }
    }

    /// The pass computed in 16-bit brain floats or not, with channels side by side or not.
    pub(crate) fn computed(self, half: bool, channels_last: bool) -> Self {
        Self {
            half,
            channels_last,
            ..self
        }
    }

    /// The pass as one that trains.
    pub(crate) fn training(self, chance: &'a mut ChaCha8Rng) -> Self {
        Self {
            chance: Some(chance),
            ..self
        }
    }

    /// Whether batch normalisation works by the batch and learns.
    pub(crate) fn trains(&self) -> bool {
        self.chance.is_some()
    }

    /// Operations of the whole batch, counted as NSGA-Net's code counts.
    pub(crate) fn operations(&self) -> u64 {
        self.operations.get()
    }

    fn count(&self, operations: i64) {
        let operations = operations.unsigned_abs();
        self.operations.set(self.operations.get() + operations);
    }

    /// Images or a kernel in the pass's order.
    pub(crate) fn ordered(&self, values: &Tensor) -> Result<Tensor, TchError> {
        if !self.channels_last {
            return Ok(values.shallow_clone());
        }
        let last = values.f_permute([0, 2, 3, 1])?.f_contiguous()?;
        last.f_permute([0, 3, 1, 2])
    }

    fn cast(&self, values: &Tensor) -> Result<Tensor, TchError> {
        if self.half {
            values.f_to_kind(Kind::BFloat16)
        } else {
            Ok(values.shallow_clone())
        }
    }
}

/// A square convolution.
#[derive(Debug)]
pub(crate) struct Conv {
    pub(crate) kernel: Tensor,
    pub(crate) bias: Option<Tensor>,
    pub(crate) stride: usize,
    pub(crate) padding: usize,
}

/// Batch normalisation (Ioffe and Szegedy, arXiv 1502.03167).
#[derive(Debug)]
pub(crate) struct Norm {
    pub(crate) scale: Tensor,
    pub(crate) shift: Tensor,
    pub(crate) running_mean: Tensor,
    pub(crate) running_variance: Tensor,
}

/// A linear layer.
#[derive(Debug)]
pub(crate) struct Linear {
    pub(crate) weight: Tensor,
    pub(crate) bias: Tensor,
}

impl Conv {
    pub(crate) fn forward(&self, pass: &Pass<'_>, values: &Tensor) -> Result<Tensor, TchError> {
        let (stride, padding) = (size(self.stride), size(self.padding));
        let bias = self.bias.as_ref().map(|bias| pass.cast(bias)).transpose()?;
        let output = pass.cast(values)?.f_conv2d(
            &pass.ordered(&pass.cast(&self.kernel)?)?,
            bias.as_ref(),
            [stride, stride],
            [padding, padding],
            [1, 1],
            1,
        )?;
        let per_output: i64 = self.kernel.size()[1..].iter().product();
        pass.count(per_output * elements(&output));
        Ok(output)
    }
}

impl Norm {
    pub(crate) fn forward(&self, pass: &Pass<'_>, values: &Tensor) -> Result<Tensor, TchError> {
        pass.count(2 * elements(values));
        values.f_batch_norm(
            Some(&self.scale),
            Some(&self.shift),
            Some(&self.running_mean),
            Some(&self.running_variance),
            pass.trains(),
            0.1,
            1e-5,
            true,
        )
    }
}

impl Linear {
    pub(crate) fn forward(&self, pass: &Pass<'_>, values: &Tensor) -> Result<Tensor, TchError> {
        let weight = pass.cast(&self.weight)?;
        let bias = pass.cast(&self.bias)?;
        let output = pass.cast(values)?.f_linear(&weight, Some(&bias))?;
        let inputs = self.weight.size()[1];
        pass.count(inputs * elements(&output));
        Ok(output)
    }
}

/// What is below 0 becomes 0, in place.
pub(crate) fn relu(pass: &Pass<'_>, mut values: Tensor) -> Result<Tensor, TchError> {
    pass.count(elements(&values));
    values.f_relu_()
}

/// A 2x2 max pool of stride 2.
pub(crate) fn max_pool(pass: &Pass<'_>, values: &Tensor) -> Result<Tensor, TchError> {
    pass.count(elements(values));
    values.f_max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false)
}

/// The mean of each channel.
pub(crate) fn average_pool(pass: &Pass<'_>, values: &Tensor) -> Result<Tensor, TchError> {
    pass.count(elements(values));
    values.f_adaptive_avg_pool2d([1, 1])?.f_flatten(1, -1)
}

/// In training a share of the values, drawn from the pass's stream, becomes 0 and the others grow
/// as much (Srivastava et al., JMLR 15, 2014).
pub(crate) fn dropout(pass: &mut Pass<'_>, values: Tensor, share: f64) -> Result<Tensor, TchError> {
    let Some(chance) = pass.chance.as_deref_mut().filter(|_| share > 0.0) else {
        return Ok(values);
    };
    let mask: Vec<bool> = (0..elements(&values))
        .map(|_| !chance.random_bool(share))
        .collect();
    let mask = Tensor::f_from_slice(&mask)?.f_view(values.size().as_slice())?;
    values.f_mul(
        &mask
            .f_to_device(values.device())?
            .f_to_kind(values.kind())?,
    )
}

fn elements(values: &Tensor) -> i64 {
    values.size().iter().product()
}
