//! What a network costs: operations of one forward pass and trainable parameters.

use super::{Architecture, Conv, Phase};
use crate::cost::Layer;

impl Architecture {
    /// Operations of one image's forward pass, counted as NSGA-Net's code counts
    /// (`misc/flops_counter.py`): multiply-accumulates of convolutions and of the linear layer,
    /// 2 per value for batch normalisation, 1 per output value for `ReLU`, 1 per input value for
    /// poolings; biases, concatenations and the softmax are free.
    pub fn flops(&self) -> u64 {
        self.layers().iter().map(Layer::flops).sum()
    }

    /// Trainable parameters: weights, the linear layer's biases, scale and shift of batch
    /// normalisations. The published code also counts entry convolutions that it creates but
    /// never runs (channels that do not change); they are not part of this network.
    pub fn parameters(&self) -> u64 {
        self.layers().iter().map(Layer::parameters).sum()
    }

    /// Every layer in the order it runs.
    fn layers(&self) -> Vec<Layer> {
        let mut layers = Vec::new();
        let mut size = (self.input.height, self.input.width);
        let mut channels = self.input.channels;
        for phase in &self.phases {
            size = push_phase(&mut layers, phase, size);
            channels = phase.out_channels;
        }
        layers.push(Layer::Pool {
            channels,
            pixels: size.0 * size.1,
        });
        layers.push(Layer::Linear {
            inputs: channels,
            outputs: self.classes,
        });
        layers
    }
}

/// Adds the layers of one phase; returns the height and width that leave it.
fn push_phase(layers: &mut Vec<Layer>, phase: &Phase, mut size: (usize, usize)) -> (usize, usize) {
    let channels = phase.out_channels;
    if let Some(conv) = phase.entry {
        let run = |length: usize| (length + 2 * conv.padding + 1).saturating_sub(conv.kernel);
        size = (run(size.0), run(size.1));
        layers.push(convolution(conv, size.0 * size.1));
    }
    let pixels = size.0 * size.1;
    for node in &phase.nodes {
        push_join(layers, node.inputs.len(), channels, pixels);
        let conv = Conv {
            in_channels: channels,
            out_channels: channels,
            kernel: 3,
            padding: 1,
        };
        layers.push(convolution(conv, pixels));
        layers.push(Layer::BatchNorm { channels, pixels });
        layers.push(Layer::Relu { channels, pixels });
    }
    push_join(layers, phase.output.len(), channels, pixels);
    layers.push(Layer::BatchNorm { channels, pixels });
    layers.push(Layer::Relu { channels, pixels });
    if phase.pool {
        layers.push(Layer::Pool { channels, pixels });
        size = (size.0 / 2, size.1 / 2);
    }
    size
}

/// Several sources are brought back to `channels` by a 1x1 convolution, one passes as it is.
fn push_join(layers: &mut Vec<Layer>, sources: usize, channels: usize, pixels: usize) {
    if sources > 1 {
        let in_channels = sources * channels;
        let conv = Conv {
            in_channels,
            out_channels: channels,
            kernel: 1,
            padding: 0,
        };
        layers.push(convolution(conv, pixels));
    }
}

fn convolution(conv: Conv, pixels: usize) -> Layer {
    Layer::Conv {
        inputs: conv.in_channels,
        outputs: conv.out_channels,
        kernel: conv.kernel,
        bias: false,
        pixels,
    }
}
