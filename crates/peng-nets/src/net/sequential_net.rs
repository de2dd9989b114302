//! Sequential networks, built from their architecture.

use peng_search::sequential::Architecture;
use tch::{TchError, Tensor};

use super::error::Error;
use super::layers::{self, Conv, Linear, Pass};
use super::weights::Weights;

/// The layers of a network.
#[derive(Debug)]
pub(crate) struct SequentialNet {
    /// Each with whether a pooling follows.
    convolutions: Vec<(Conv, bool)>,
    /// Each with the share that is dropped after it.
    dense: Vec<(Linear, f64)>,
    head: Linear,
}

impl SequentialNet {
    pub(crate) fn new(
        weights: &mut Weights<'_>,
        architecture: &Architecture,
    ) -> Result<Self, Error> {
        let mut convolutions = Vec::with_capacity(architecture.convolutions.len());
        for (index, layer) in architecture.convolutions.iter().enumerate() {
            let name = format!("conv{}", index + 1);
            let shape = [layer.filters, layer.in_channels, layer.kernel];
            let conv = weights.conv(&name, shape, layer.padding)?;
            let conv = Conv {
                stride: layer.stride,
                ..weights.bias(&name, conv)?
            };
            convolutions.push((conv, layer.pool));
        }
        let mut inputs = architecture.flattened();
        let mut dense = Vec::with_capacity(architecture.dense.len());
        for (index, layer) in architecture.dense.iter().enumerate() {
            let linear = weights.linear(&format!("dense{}", index + 1), inputs, layer.units)?;
            dense.push((linear, layer.dropout));
            inputs = layer.units;
        }
        Ok(Self {
            convolutions,
            dense,
            head: weights.linear("head", inputs, architecture.classes)?,
        })
    }

    pub(crate) fn forward(&self, pass: &mut Pass<'_>, images: &Tensor) -> Result<Tensor, TchError> {
        let mut values = images.shallow_clone();
        for (conv, pool) in &self.convolutions {
            values = layers::relu(pass, conv.forward(pass, &values)?)?;
            if *pool {
                values = layers::max_pool(pass, &values)?;
            }
        }
        values = values.f_flatten(1, -1)?;
        for (linear, share) in &self.dense {
            values = layers::relu(pass, linear.forward(pass, &values)?)?;
            values = layers::dropout(pass, values, *share)?;
        }
        self.head.forward(pass, &values)
    }
}
