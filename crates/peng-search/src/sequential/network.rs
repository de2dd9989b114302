//! Decoding: from a genome's values to the layers of a network.

use serde::Serialize;

use super::Space;
use crate::cost::Layer;
use crate::described::{Mismatch, Value, Values};
use crate::macro_space::Input;

/// A sequential network, decoded: convolutions, then the flattened values through dense layers,
/// then a linear layer with one output a class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Architecture {
    /// The shape of one image.
    pub input: Input,
    /// The convolutions, first to last; at least one.
    pub convolutions: Vec<Convolution>,
    /// The dense layers before the last one.
    pub dense: Vec<Dense>,
    /// The length of the network's output.
    pub classes: usize,
    /// How it is trained.
    pub hyperparameters: Hyperparameters,
}

/// A square convolution with bias, then `ReLU`, then a 2x2 max pool of stride 2 if there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Convolution {
    /// Channels in.
    pub in_channels: usize,
    /// Channels out.
    pub filters: usize,
    /// Height and width of the kernel in pixels.
    pub kernel: usize,
    /// Stride in pixels.
    pub stride: usize,
    /// Zero padding on each side in pixels.
    pub padding: usize,
    /// Whether a pooling follows.
    pub pool: bool,
    /// Height and width that leave the layer, the pooling included.
    pub output: (usize, usize),
}

/// A dense layer with bias, then `ReLU`, then dropout.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Dense {
    /// Outputs.
    pub units: usize,
    /// Share of outputs that are dropped in training, 0 to below 1.
    pub dropout: f64,
}

/// What a candidate's training has of its own.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Hyperparameters {
    /// Highest learning rate, above 0.
    pub learning_rate: f64,
    /// Momentum of SGD, 0 to below 1.
    pub momentum: f64,
    /// L2 penalty, above 0.
    pub weight_decay: f64,
    /// Images in a batch, at least 2.
    pub batch_size: usize,
}

/// The network that `values` describe in `space`.
///
/// What would leave less than one pixel is repaired: a convolution that does not fit without
/// padding is padded, and a pooling of a single row or column is left out.
pub fn decode(space: &Space, values: &Values) -> Result<Architecture, Mismatch> {
    space.parameters().check(values)?;
    // Checked values have every active parameter; the defaults never count.
    let whole = |name: &str| {
        let value = values.integer(name).unwrap_or(1);
        usize::try_from(value).unwrap_or(1)
    };
    let is = |name: &str, text: &str| values.get(name) == Some(&Value::Text(text.to_owned()));
    let real = |name: &str| values.real(name).unwrap_or(0.0);
    let mut convolutions = Vec::new();
    let mut in_channels = space.input().channels;
    let mut side = (space.input().height, space.input().width);
    for layer in 1..=whole("layers") {
        let name = |name| format!("conv{layer}_{name}");
        let kernel = whole(&name("kernel"));
        let fits = side.0.min(side.1) >= kernel;
        let same = is(&name("padding"), "same") || !fits;
        let padding = if same { kernel / 2 } else { 0 };
        let stride = whole(&name("stride"));
        let run = |length: usize| (length + 2 * padding - kernel) / stride + 1;
        side = (run(side.0), run(side.1));
        let pool = is(&name("pool"), "max") && side.0.min(side.1) >= 2;
        if pool {
            side = (side.0 / 2, side.1 / 2);
        }
        convolutions.push(Convolution {
            in_channels,
            filters: whole(&name("filters")),
            kernel,
            stride,
            padding,
            pool,
            output: side,
        });
        in_channels = whole(&name("filters"));
    }
    let dense = (1..=values.integer("dense").unwrap_or(0))
        .map(|layer| Dense {
            units: whole(&format!("dense{layer}_units")),
            dropout: real(&format!("dense{layer}_dropout")),
        })
        .collect();
    Ok(Architecture {
        input: space.input(),
        convolutions,
        dense,
        classes: space.classes(),
        hyperparameters: Hyperparameters {
            learning_rate: real("learning_rate"),
            momentum: real("momentum"),
            weight_decay: real("weight_decay"),
            batch_size: whole("batch_size"),
        },
    })
}

impl Architecture {
    /// Values that the last convolution leaves of one image.
    pub fn flattened(&self) -> usize {
        self.convolutions
            .last()
            .map_or(0, |last| last.filters * last.output.0 * last.output.1)
    }

    /// Operations of one image's forward pass, counted as for the macro space.
    pub fn flops(&self) -> u64 {
        self.layers().iter().map(Layer::flops).sum()
    }

    /// Trainable parameters: weights and biases.
    pub fn parameters(&self) -> u64 {
        self.layers().iter().map(Layer::parameters).sum()
    }

    /// Every layer in the order it runs.
    fn layers(&self) -> Vec<Layer> {
        let mut layers = Vec::new();
        let mut side = (self.input.height, self.input.width);
        for conv in &self.convolutions {
            let channels = conv.filters;
            let run = |length: usize| (length + 2 * conv.padding - conv.kernel) / conv.stride + 1;
            let pixels = run(side.0) * run(side.1);
            layers.push(Layer::Conv {
                inputs: conv.in_channels,
                outputs: channels,
                kernel: conv.kernel,
                bias: true,
                pixels,
            });
            layers.push(Layer::Relu { channels, pixels });
            if conv.pool {
                layers.push(Layer::Pool { channels, pixels });
            }
            side = conv.output;
        }
        let mut inputs = self.flattened();
        for dense in &self.dense {
            let outputs = dense.units;
            layers.push(Layer::Linear { inputs, outputs });
            layers.push(Layer::Relu {
                channels: outputs,
                pixels: 1,
            });
            inputs = outputs;
        }
        let outputs = self.classes;
        layers.push(Layer::Linear { inputs, outputs });
        layers
    }
}
