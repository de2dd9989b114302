//! Why there is no network.

use tch::TchError;

/// Most parameters of a network that is built: 4 GiB of weights.
pub const MAX_PARAMETERS: u64 = 1 << 30;

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
    /// It is of a space whose meaning only another worker knows.
    #[error("values of a described space are no network here: they need a worker of their own")]
    Described,
    /// It has more parameters than are built.
    #[error("the network has {0} parameters: at most {MAX_PARAMETERS} are built")]
    TooLarge(u64),
    /// There is not enough memory.
    #[error("there is no memory for a layer of {weights} weights")]
    Memory {
        /// Weights of the layer.
        weights: usize,
    },
    /// libtorch failed, for want of memory or because of the shape of the images.
    #[error("libtorch failed: {}", first_line(.0))]
    Torch(#[from] TchError),
}

/// libtorch appends its own call stack to a message.
fn first_line(error: &TchError) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().to_owned()
}
