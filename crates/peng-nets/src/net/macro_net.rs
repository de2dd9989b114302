//! Networks of the NSGA-Net macro space (Lu et al., GECCO 2019), built from their architecture.

use peng_search::macro_space::{Architecture, Conv as Entry, Phase, Source};
use tch::{TchError, Tensor};

use super::error::Error;
use super::layers::{self, Conv, Linear, Norm, Pass};
use super::weights::Weights;

/// The phases of a network, and the linear layer that ends it.
#[derive(Debug)]
pub(crate) struct MacroNet {
    phases: Vec<Stage>,
    head: Linear,
}

/// A phase of the architecture with its weights.
#[derive(Debug)]
struct Stage {
    entry: Option<Conv>,
    nodes: Vec<Node>,
    output: Join,
    norm: Norm,
    pool: bool,
}

#[derive(Debug)]
struct Node {
    inputs: Join,
    conv: Conv,
    norm: Norm,
}

/// Sources, concatenated and brought back to the phase's channels if there are several.
#[derive(Debug)]
struct Join {
    sources: Vec<Source>,
    conv: Option<Conv>,
}

impl MacroNet {
    pub(crate) fn new(
        weights: &mut Weights<'_>,
        architecture: &Architecture,
    ) -> Result<Self, Error> {
        let mut channels = architecture.input.channels;
        let mut phases = Vec::with_capacity(architecture.phases.len());
        for (index, phase) in architecture.phases.iter().enumerate() {
            check(index + 1, phase)?;
            phases.push(Stage::new(weights, &format!("phase{}", index + 1), phase)?);
            channels = phase.out_channels;
        }
        let head = weights.linear("head", channels, architecture.classes)?;
        Ok(Self { phases, head })
    }

    pub(crate) fn forward(&self, pass: &Pass<'_>, images: &Tensor) -> Result<Tensor, TchError> {
        let mut values = images.shallow_clone();
        for stage in &self.phases {
            values = stage.forward(pass, values)?;
        }
        let pooled = layers::average_pool(pass, &values)?;
        self.head.forward(pass, &pooled)
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
    fn new(weights: &mut Weights<'_>, name: &str, phase: &Phase) -> Result<Self, Error> {
        let channels = phase.out_channels;
        let entry = match phase.entry {
            Some(Entry {
                in_channels,
                out_channels,
                kernel,
                padding,
            }) => {
                let shape = [out_channels, in_channels, kernel];
                Some(weights.conv(&format!("{name}_entry"), shape, padding)?)
            }
            None => None,
        };
        let mut nodes = Vec::with_capacity(phase.nodes.len());
        for (index, node) in phase.nodes.iter().enumerate() {
            let name = format!("{name}_node{}", index + 1);
            nodes.push(Node {
                inputs: Join::new(weights, &format!("{name}_join"), &node.inputs, channels)?,
                conv: weights.conv(&format!("{name}_conv"), [channels, channels, 3], 1)?,
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

    fn forward(&self, pass: &Pass<'_>, values: Tensor) -> Result<Tensor, TchError> {
        let input = match &self.entry {
            Some(conv) => conv.forward(pass, &values)?,
            None => values,
        };
        let mut outputs = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let joined = node.inputs.forward(pass, &input, &outputs)?;
            let convolved = node.conv.forward(pass, &joined)?;
            let normed = node.norm.forward(pass, &convolved)?;
            outputs.push(layers::relu(pass, normed)?);
        }
        let joined = self.output.forward(pass, &input, &outputs)?;
        let activated = layers::relu(pass, self.norm.forward(pass, &joined)?)?;
        if self.pool {
            layers::max_pool(pass, &activated)
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
    ) -> Result<Self, Error> {
        let conv = if sources.len() > 1 {
            let shape = [channels, sources.len() * channels, 1];
            Some(weights.conv(name, shape, 0)?)
        } else {
            None
        };
        Ok(Self {
            sources: sources.to_vec(),
            conv,
        })
    }

    fn forward(
        &self,
        pass: &Pass<'_>,
        input: &Tensor,
        nodes: &[Tensor],
    ) -> Result<Tensor, TchError> {
        let parts: Vec<&Tensor> = self
            .sources
            .iter()
            .map(|source| match *source {
                Source::Input => input,
                Source::Node(node) => &nodes[node],
            })
            .collect();
        match (parts.as_slice(), &self.conv) {
            ([part], None) => Ok(part.shallow_clone()),
            (_, Some(conv)) => conv.forward(pass, &Tensor::f_cat(&parts, 1)?),
            (_, None) => Tensor::f_cat(&parts, 1),
        }
    }
}
