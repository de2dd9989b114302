//! Decoding: from a genome's bits to the layers of a network, with the repairs of the published
//! decoder (`msu-coinlab/nsga-net`, `models/macro_decoder.py`, "residual").

use serde::Serialize;

use super::{Genome, Input, Space};

/// A network of the macro space, decoded.
///
/// The image runs through `phases` in order, then through a global average pool and one linear
/// layer with bias. Two genomes that describe the same network decode to equal architectures
/// (bits of inactive phases and of isolated nodes leave no trace).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Architecture {
    /// The shape of one image.
    pub input: Input,
    /// The active phases, first to last. Without any, as in the published code, the network is
    /// the average pool and the linear layer alone.
    pub phases: Vec<Phase>,
    /// The length of the network's output.
    pub classes: usize,
}

/// One phase: entry convolution, nodes, joined output, pooling.
///
/// The output is what `output` names, joined like a node's inputs (see [`Node`]), then batch
/// normalisation and `ReLU`, then the pooling.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Phase {
    /// Channels that enter the phase.
    pub in_channels: usize,
    /// Channels of every node and of the phase's output.
    pub out_channels: usize,
    /// The convolution that changes the number of channels, where it changes; what it gives is the
    /// phase input that nodes see. No bias, no normalisation, no activation.
    pub entry: Option<Conv>,
    /// The active nodes; each takes its inputs from the phase input and from nodes before it.
    pub nodes: Vec<Node>,
    /// What is joined into the phase's output: the phase input first (skip bit), then the nodes
    /// whose output no other node takes. Never empty.
    pub output: Vec<Source>,
    /// Whether a 2x2 max pool of stride 2 follows: after every phase but the last.
    pub pool: bool,
}

/// A square convolution of stride 1 without bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Conv {
    /// Channels in.
    pub in_channels: usize,
    /// Channels out.
    pub out_channels: usize,
    /// Height and width of the kernel in pixels.
    pub kernel: usize,
    /// Zero padding on each side in pixels. The published 3x3 entry has none: the image loses two
    /// pixels in height and width.
    pub padding: usize,
}

/// One node: 3x3 convolution (padding 1, no bias), batch normalisation, `ReLU`.
///
/// Several inputs are first concatenated along the channels, in the order given, and brought
/// back to the phase's channels by a 1x1 convolution without bias.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Node {
    /// Where the node's input comes from, in order. Never empty.
    pub inputs: Vec<Source>,
}

/// Where an input comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The phase input, after the entry convolution.
    Input,
    /// The node with this index in [`Phase::nodes`].
    Node(usize),
}

/// A genome does not have the shape of the space.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "genome {genome} has {phases} phases of {nodes} nodes: \
     the space has {space_phases} phases of {space_nodes} nodes"
)]
pub struct Mismatch {
    /// The genome.
    pub genome: Genome,
    /// Phases of the genome.
    pub phases: usize,
    /// Nodes per phase of the genome.
    pub nodes: usize,
    /// Phases of the space.
    pub space_phases: usize,
    /// Nodes per phase of the space.
    pub space_nodes: usize,
}

/// The network that `genome` describes in `space`.
///
/// Phases without a connection are removed and the others move up: the n-th active phase takes
/// the n-th number of channels.
pub fn decode(space: &Space, genome: &Genome) -> Result<Architecture, Mismatch> {
    if genome.phases() != space.phases() || genome.nodes() != space.nodes() {
        return Err(Mismatch {
            genome: genome.clone(),
            phases: genome.phases(),
            nodes: genome.nodes(),
            space_phases: space.phases(),
            space_nodes: space.nodes(),
        });
    }
    let mut phases = Vec::new();
    let mut in_channels = space.input().channels;
    let active = genome.iter_phases().filter(|bits| is_active(bits));
    for (bits, &out_channels) in active.zip(space.channels()) {
        let (nodes, output) = join(bits, space.nodes());
        let entry = entry(phases.is_empty(), in_channels, out_channels);
        phases.push(Phase {
            in_channels,
            out_channels,
            entry,
            nodes,
            output,
            pool: true,
        });
        in_channels = out_channels;
    }
    if let Some(last) = phases.last_mut() {
        last.pool = false;
    }
    Ok(Architecture {
        input: space.input(),
        phases,
        classes: space.classes(),
    })
}

/// The skip bit alone does not make a phase.
fn is_active(bits: &[bool]) -> bool {
    bits.split_last()
        .is_some_and(|(_, connections)| connections.contains(&true))
}

fn entry(first: bool, in_channels: usize, out_channels: usize) -> Option<Conv> {
    let kernel = if first { 3 } else { 1 };
    (in_channels != out_channels).then_some(Conv {
        in_channels,
        out_channels,
        kernel,
        padding: 0,
    })
}

/// Nodes and output of an active phase. A node that gives but does not take is joined to the
/// phase input, one that takes but does not give to the phase output, one that does neither is
/// dropped.
fn join(bits: &[bool], count: usize) -> (Vec<Node>, Vec<Source>) {
    let connects = |from: usize, to: usize| bits[to * (to - 1) / 2 + from];
    let skips = bits[bits.len() - 1];
    let mut output: Vec<Source> = skips.then_some(Source::Input).into_iter().collect();
    let mut nodes = Vec::new();
    let mut active: Vec<Option<usize>> = Vec::with_capacity(count);
    for node in 0..count {
        let takes: Vec<Source> = (0..node)
            .filter(|&from| connects(from, node))
            .filter_map(|from| active[from].map(Source::Node))
            .collect();
        let gives = (node + 1..count).any(|to| connects(node, to));
        if takes.is_empty() && !gives {
            active.push(None);
            continue;
        }
        let index = nodes.len();
        active.push(Some(index));
        nodes.push(Node {
            inputs: if takes.is_empty() {
                vec![Source::Input]
            } else {
                takes
            },
        });
        if !gives {
            output.push(Source::Node(index));
        }
    }
    (nodes, output)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> Architecture {
        let genome: Genome = text.parse().unwrap();
        let input = Input {
            channels: 1,
            height: 28,
            width: 28,
        };
        let channels = (0..genome.phases()).map(|phase| 8 << phase).collect();
        let space = Space::new(genome.nodes(), channels, input, 10).unwrap();
        decode(&space, &genome).unwrap()
    }

    fn inputs(phase: &Phase) -> Vec<&[Source]> {
        phase
            .nodes
            .iter()
            .map(|node| node.inputs.as_slice())
            .collect()
    }

    #[test]
    fn loose_ends_are_joined_and_isolated_nodes_dropped() {
        use Source::{Input, Node};
        // Node 3 from node 1; nodes 2 and 4 stand alone; the input skips.
        let network = decoded("0100001");
        let phase = &network.phases[0];
        assert_eq!(inputs(phase), [&[Input][..], &[Node(0)]]);
        assert_eq!(phase.output, [Input, Node(1)]);
        // Node 2 from 1, node 4 from 1 and 3: node 3 takes the input, 2 and 4 make the output.
        let network = decoded("1001010");
        let phase = &network.phases[0];
        assert_eq!(
            inputs(phase),
            [&[Input][..], &[Node(0)], &[Input], &[Node(0), Node(2)]]
        );
        assert_eq!(phase.output, [Node(1), Node(3)]);
    }

    #[test]
    fn inactive_phases_are_removed_and_the_others_move_up() {
        let network = decoded("0000001-1000000-0000000");
        assert_eq!(network, decoded("1000000-0000000-0000001"));
        let [phase] = network.phases.as_slice() else {
            panic!("one phase is active")
        };
        let entry = Conv {
            in_channels: 1,
            out_channels: 8,
            kernel: 3,
            padding: 0,
        };
        assert_eq!((phase.entry, phase.pool), (Some(entry), false));
    }

    #[test]
    fn later_phases_enter_by_a_1x1_convolution_after_a_pooling() {
        let network = decoded("10-10");
        let entry = Conv {
            in_channels: 8,
            out_channels: 16,
            kernel: 1,
            padding: 0,
        };
        assert_eq!(network.phases[1].entry, Some(entry));
        assert_eq!(
            [network.phases[0].pool, network.phases[1].pool],
            [true, false]
        );
    }

    #[test]
    fn no_active_phase_leaves_the_linear_layer() {
        assert!(decoded("0000001-0000000").phases.is_empty());
    }

    #[test]
    fn a_genome_of_another_shape_is_refused() {
        let input = Input {
            channels: 1,
            height: 28,
            width: 28,
        };
        let space = Space::new(4, vec![8, 16], input, 10).unwrap();
        let error = decode(&space, &"10-10".parse().unwrap()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "genome 10-10 has 2 phases of 2 nodes: the space has 2 phases of 4 nodes"
        );
    }
}
