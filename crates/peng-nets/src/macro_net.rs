//! Networks of the NSGA-Net macro space (Lu et al., GECCO 2019), built from their architecture.

use std::collections::BTreeMap;
use std::path::Path;

use peng_search::macro_space::{Architecture, Conv, Phase, Source};
use tch::nn::VarStore;
use tch::{Device, TchError, Tensor};

use crate::dataset::size;
use crate::weights::{Linear, Norm, Weights};

/// A network with its weights.
#[derive(Debug)]
pub struct MacroNet {
    store: VarStore,
    phases: Vec<Stage>,
    head: Linear,
}

/// Why a network cannot be built or run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The architecture was not made by decoding: it takes an output that is not there yet.
    #[error("phase {phase} takes the output of node {node}, which has not run by then")]
    Source {
        /// The phase, from 1.
        phase: usize,
        /// The node, from 1.
        node: usize,
    },
    /// libtorch failed, for want of memory or because of the shape of the images.
    #[error("libtorch failed: {}", first_line(.0))]
    Torch(#[from] TchError),
}

/// A phase of the architecture with its weights.
#[derive(Debug)]
struct Stage {
    entry: Option<(Tensor, usize)>,
    nodes: Vec<Node>,
    output: Join,
    norm: Norm,
    pool: bool,
}

#[derive(Debug)]
struct Node {
    inputs: Join,
    kernel: Tensor,
    norm: Norm,
}

/// Sources, concatenated and brought back to the phase's channels if there are several.
#[derive(Debug)]
struct Join {
    sources: Vec<Source>,
    kernel: Option<Tensor>,
}

impl MacroNet {
    /// Builds the network with initial weights drawn from `seed`, the same on every device.
    pub fn new(architecture: &Architecture, seed: u64, device: Device) -> Result<Self, Error> {
        let store = VarStore::new(device);
        let mut weights = Weights::new(&store, seed);
        let mut channels = architecture.input.channels;
        let mut phases = Vec::with_capacity(architecture.phases.len());
        for (index, phase) in architecture.phases.iter().enumerate() {
            check(index + 1, phase)?;
            phases.push(Stage::new(
                &mut weights,
                &format!("phase{}", index + 1),
                phase,
            )?);
            channels = phase.out_channels;
        }
        let head = weights.linear("head", channels, architecture.classes)?;
        Ok(Self {
            store,
            phases,
            head,
        })
    }

    /// Scores of shape images x classes for normalised images of shape images x channels x height
    /// x width. `training`: batch normalisation works by the batch and learns.
    pub fn forward(&self, images: &Tensor, training: bool) -> Result<Tensor, Error> {
        let mut values = images.shallow_clone();
        for stage in &self.phases {
            values = stage.forward(values, training)?;
        }
        let pooled = values.f_adaptive_avg_pool2d([1, 1])?.f_flatten(1, -1)?;
        Ok(self.head.forward(&pooled)?)
    }

    /// Number of trainable parameters, counted in the built network.
    pub fn parameters(&self) -> u64 {
        self.trainable()
            .iter()
            .map(|tensor| tensor.size().iter().product::<i64>().unsigned_abs())
            .sum()
    }

    /// The trainable tensors in the order they were made.
    pub(crate) fn trainable(&self) -> Vec<Tensor> {
        self.store.trainable_variables()
    }

    /// Every tensor, trainable or not, by name.
    pub(crate) fn tensors(&self) -> BTreeMap<String, Tensor> {
        self.store.variables().into_iter().collect()
    }

    /// Writes the weights in the safetensors format (the name must end in `.safetensors`).
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        Ok(self.store.save(path)?)
    }

    /// Reads weights that [`save`](Self::save) wrote for the same architecture.
    pub fn load(&mut self, path: &Path) -> Result<(), Error> {
        Ok(self.store.load(path)?)
    }
}

fn check(phase: usize, shape: &Phase) -> Result<(), Error> {
    let inputs = shape.nodes.iter().map(|node| &node.inputs);
    for (ready, sources) in inputs.chain([&shape.output]).enumerate() {
        for source in sources {
            match *source {
                Source::Node(node) if node >= ready => {
                    let node = node + 1;
                    return Err(Error::Source { phase, node });
                }
                Source::Node(_) | Source::Input => {}
            }
        }
    }
    Ok(())
}

impl Stage {
    fn new(weights: &mut Weights<'_>, name: &str, phase: &Phase) -> Result<Self, TchError> {
        let channels = phase.out_channels;
        let entry = match phase.entry {
            Some(Conv {
                in_channels,
                out_channels,
                kernel,
                padding,
            }) => {
                let shape = [out_channels, in_channels, kernel];
                Some((weights.conv(&format!("{name}_entry"), shape)?, padding))
            }
            None => None,
        };
        let mut nodes = Vec::with_capacity(phase.nodes.len());
        for (index, node) in phase.nodes.iter().enumerate() {
            let name = format!("{name}_node{}", index + 1);
            nodes.push(Node {
                inputs: Join::new(weights, &format!("{name}_join"), &node.inputs, channels)?,
                kernel: weights.conv(&format!("{name}_conv"), [channels, channels, 3])?,
                norm: weights.norm(&format!("{name}_norm"), channels)?,
            });
        }
        Ok(Self {
            entry,
            nodes,
            output: Join::new(weights, &format!("{name}_output"), &phase.output, channels)?,
            norm: weights.norm(&format!("{name}_norm"), channels)?,
            pool: phase.pool,
        })
    }

    fn forward(&self, values: Tensor, training: bool) -> Result<Tensor, TchError> {
        let input = match &self.entry {
            Some((kernel, padding)) => conv(&values, kernel, *padding)?,
            None => values,
        };
        let mut outputs = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let joined = node.inputs.forward(&input, &outputs)?;
            let convolved = conv(&joined, &node.kernel, 1)?;
            outputs.push(node.norm.forward(&convolved, training)?.f_relu_()?);
        }
        let joined = self.output.forward(&input, &outputs)?;
        let activated = self.norm.forward(&joined, training)?.f_relu_()?;
        if self.pool {
            activated.f_max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false)
        } else {
            Ok(activated)
        }
    }
}

impl Join {
    fn new(
        weights: &mut Weights<'_>,
        name: &str,
        sources: &[Source],
        channels: usize,
    ) -> Result<Self, TchError> {
        let kernel = if sources.len() > 1 {
            Some(weights.conv(name, [channels, sources.len() * channels, 1])?)
        } else {
            None
        };
        Ok(Self {
            sources: sources.to_vec(),
            kernel,
        })
    }

    fn forward(&self, input: &Tensor, nodes: &[Tensor]) -> Result<Tensor, TchError> {
        let parts: Vec<&Tensor> = self
            .sources
            .iter()
            .map(|source| match *source {
                Source::Input => input,
                Source::Node(node) => &nodes[node],
            })
            .collect();
        match (parts.as_slice(), &self.kernel) {
            ([part], None) => Ok(part.shallow_clone()),
            (_, Some(kernel)) => conv(&Tensor::f_cat(&parts, 1)?, kernel, 0),
            (_, None) => Tensor::f_cat(&parts, 1),
        }
    }
}

/// A convolution of stride 1 without bias.
fn conv(values: &Tensor, kernel: &Tensor, padding: usize) -> Result<Tensor, TchError> {
    let padding = size(padding);
    values.f_conv2d(
        kernel,
        None::<&Tensor>,
        [1, 1],
        [padding, padding],
        [1, 1],
        1,
    )
}

/// libtorch appends its own call stack to a message.
fn first_line(error: &TchError) -> String {
    error
        .to_string()
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}
