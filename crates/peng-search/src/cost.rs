//! What a layer costs, counted as NSGA-Net's code counts (`misc/flops_counter.py`).

/// A layer with the size it works at, as far as its cost needs it. `pixels` is the height x width
/// of the output of a convolution, else of the input.
pub(crate) enum Layer {
    Conv {
        inputs: usize,
        outputs: usize,
        kernel: usize,
        bias: bool,
        pixels: usize,
    },
    BatchNorm {
        channels: usize,
        pixels: usize,
    },
    Relu {
        channels: usize,
        pixels: usize,
    },
    Pool {
        channels: usize,
        pixels: usize,
    },
    Linear {
        inputs: usize,
        outputs: usize,
    },
}

impl Layer {
    /// Multiply-accumulates of convolutions and linear layers, 2 per value for batch
    /// normalisation, 1 per value for `ReLU` and poolings; biases are free.
    pub(crate) fn flops(&self) -> u64 {
        let count = match *self {
            Self::Conv { pixels, .. } => self.weights() * pixels,
            Self::BatchNorm { channels, pixels } => 2 * channels * pixels,
            Self::Relu { channels, pixels } | Self::Pool { channels, pixels } => channels * pixels,
            Self::Linear { .. } => self.weights(),
        };
        count as u64
    }

    /// Weights, biases, scale and shift of batch normalisations.
    pub(crate) fn parameters(&self) -> u64 {
        let count = match *self {
            Self::Conv { outputs, bias, .. } => self.weights() + if bias { outputs } else { 0 },
            Self::BatchNorm { channels, .. } => 2 * channels,
            Self::Relu { .. } | Self::Pool { .. } => 0,
            Self::Linear { outputs, .. } => self.weights() + outputs,
        };
        count as u64
    }

    fn weights(&self) -> usize {
        match *self {
            Self::Conv {
                inputs,
                outputs,
                kernel,
                ..
            } => kernel * kernel * inputs * outputs,
            Self::Linear { inputs, outputs } => inputs * outputs,
            Self::BatchNorm { .. } | Self::Relu { .. } | Self::Pool { .. } => 0,
        }
    }
}
