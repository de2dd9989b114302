//! Sequential networks: convolutions one after the other, then dense layers, each with its own
//! sizes, and the settings of the training; the kind of random networks that PEng4NN was
//! published with (Rorabaugh et al., arXiv 2101.04185).

mod network;
mod parameters;

use serde::{Deserialize, Serialize};

use crate::described;
use crate::macro_space::{Error as InputError, Input, check_images};

pub use network::{Architecture, Convolution, Dense, Hyperparameters, decode};

/// Most convolutions of a network.
pub const MAX_LAYERS: usize = 16;
/// Most dense layers of a network before the last one.
pub const MAX_DENSE: usize = 8;

/// What networks of a space can have. A list holds what is chosen from, a pair the least and
/// the greatest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Convolutions, 1 to [`MAX_LAYERS`].
    pub layers: (usize, usize),
    /// Filters of a convolution, 1 to 4,096.
    pub filters: Vec<usize>,
    /// Sides of a kernel in pixels, 1 to 15, odd.
    pub kernels: Vec<usize>,
    /// Strides in pixels, 1 to 4.
    pub strides: Vec<usize>,
    /// Dense layers before the last, 0 to [`MAX_DENSE`].
    pub dense: (usize, usize),
    /// Units of a dense layer, 1 to 4,096.
    pub units: Vec<usize>,
    /// Shares of a dense layer's outputs that are dropped in training, 0 to below 1.
    pub dropout: Vec<f64>,
    /// Learning rates, above 0; each order of magnitude is as likely.
    pub learning_rate: (f64, f64),
    /// Momenta of SGD, 0 to below 1.
    pub momentum: (f64, f64),
    /// L2 penalties, above 0; each order of magnitude is as likely.
    pub weight_decay: (f64, f64),
    /// Images in a batch, 2 to 65,536.
    pub batch_sizes: Vec<usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            layers: (1, 6),
            filters: vec![8, 16, 32, 64],
            kernels: vec![1, 3, 5],
            strides: vec![1, 2],
            dense: (0, 2),
            units: vec![32, 64, 128],
            dropout: vec![0.0, 0.25, 0.5],
            learning_rate: (1e-3, 1e-1),
            momentum: (0.0, 0.99),
            weight_decay: (1e-6, 1e-2),
            batch_sizes: vec![32, 64, 128],
        }
    }
}

/// All networks within limits, for images of one shape.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct Space {
    limits: Limits,
    input: Input,
    classes: usize,
    parameters: described::Space,
}

/// A space as it is written down, before it is checked.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    limits: Limits,
    input: Input,
    classes: usize,
}

/// Why a space cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Images or classes cannot be.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A limit cannot be.
    #[error("{field} must be {right}")]
    Limit {
        /// The field of [`Limits`].
        field: &'static str,
        /// What would be right.
        right: &'static str,
    },
    /// The parameters that follow from the limits cannot be.
    #[error(transparent)]
    Parameters(#[from] described::Error),
}

impl Space {
    /// The space of networks within `limits` for images of the shape `input` in `classes` classes.
    pub fn new(limits: Limits, input: Input, classes: usize) -> Result<Self, Error> {
        check_images(input, classes)?;
        limits.check()?;
        Ok(Self {
            parameters: parameters::of(&limits)?,
            limits,
            input,
            classes,
        })
    }

    /// What networks can have.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The shape of one image.
    pub fn input(&self) -> Input {
        self.input
    }

    /// Number of classes: the length of the network's output.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// What a genome has a value for.
    pub fn parameters(&self) -> &described::Space {
        &self.parameters
    }
}

impl Limits {
    fn check(&self) -> Result<(), Error> {
        let ensure = |holds: bool, field, right| {
            if holds {
                Ok(())
            } else {
                Err(Error::Limit { field, right })
            }
        };
        let pair =
            |(least, most): (usize, usize), from, to| from <= least && least <= most && most <= to;
        let all = |list: &[usize], from, to| {
            !list.is_empty() && list.iter().all(|value| (from..=to).contains(value))
        };
        let reals = |(least, most): (f64, f64), from: f64| {
            least >= from && least <= most && most.is_finite()
        };
        ensure(
            pair(self.layers, 1, MAX_LAYERS),
            "layers",
            "1 to 16, least and most",
        )?;
        ensure(all(&self.filters, 1, 4096), "filters", "1 to 4,096 each")?;
        let odd = self.kernels.iter().all(|kernel| kernel % 2 == 1);
        ensure(
            odd && all(&self.kernels, 1, 15),
            "kernels",
            "odd, 1 to 15 each",
        )?;
        ensure(all(&self.strides, 1, 4), "strides", "1 to 4 each")?;
        ensure(
            pair(self.dense, 0, MAX_DENSE),
            "dense",
            "0 to 8, least and most",
        )?;
        ensure(all(&self.units, 1, 4096), "units", "1 to 4,096 each")?;
        let shares = |share: &f64| (0.0..1.0).contains(share);
        let dropout = !self.dropout.is_empty() && self.dropout.iter().all(shares);
        ensure(dropout, "dropout", "0 to below 1 each")?;
        let positive = f64::MIN_POSITIVE;
        ensure(
            reals(self.learning_rate, positive),
            "learning_rate",
            "above 0, least and most",
        )?;
        let momentum = reals(self.momentum, 0.0) && self.momentum.1 < 1.0;
        ensure(momentum, "momentum", "0 to below 1, least and most")?;
        ensure(
            reals(self.weight_decay, positive),
            "weight_decay",
            "above 0, least and most",
        )?;
        let batches = all(&self.batch_sizes, 2, 65_536);
        ensure(batches, "batch_sizes", "2 to 65,536 each")
    }
}

impl TryFrom<Fields> for Space {
    type Error = Error;

    fn try_from(fields: Fields) -> Result<Self, Error> {
        Self::new(fields.limits, fields.input, fields.classes)
    }
}

impl From<Space> for Fields {
    fn from(space: Space) -> Self {
        Self {
            limits: space.limits,
            input: space.input,
            classes: space.classes,
        }
    }
}

#[cfg(test)]
mod tests;
