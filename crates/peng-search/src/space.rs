//! Where candidates are taken from: a space of any kind, its genomes and what they describe.

use std::fmt;
use std::str::FromStr;

use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::macro_space::Input;
use crate::{described, macro_space, sequential};

/// A space.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Space {
    /// The macro space of NSGA-Net.
    Macro(macro_space::Space),
    /// Sequential networks.
    Sequential(Box<sequential::Space>),
    /// Parameters described in a file, whose meaning the worker knows.
    Described(described::Space),
}

/// A genome in its text form: bits of the macro space, `1011010-0010110`, or values of the
/// others, `{"layers":2,"units_1":64}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Genome {
    /// Of the macro space.
    Macro(macro_space::Genome),
    /// Of a sequential or a described space.
    Values(described::Values),
}

/// What a genome describes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Network {
    /// A network of the macro space.
    Macro(macro_space::Architecture),
    /// A sequential network.
    Sequential(sequential::Architecture),
    /// Whatever the worker makes of the values.
    Described {
        /// The values.
        values: described::Values,
    },
}

/// A genome is not of a space.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// It has another shape than the macro space.
    #[error(transparent)]
    Macro(#[from] macro_space::Mismatch),
    /// It has other parameters or values.
    #[error(transparent)]
    Values(#[from] described::Mismatch),
    /// It is of another kind of space.
    #[error("genome {genome} is not of a {space} space")]
    Kind {
        /// The genome.
        genome: Genome,
        /// The kind of space.
        space: &'static str,
    },
}

/// A text is no genome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// It is not one of the macro space.
    #[error(transparent)]
    Macro(#[from] macro_space::ParseError),
    /// It is not one of values.
    #[error(transparent)]
    Values(#[from] described::ParseError),
}

impl Space {
    /// The kind as it is written: `macro`, `sequential` or `described`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Macro(_) => "macro",
            Self::Sequential(_) => "sequential",
            Self::Described(_) => "described",
        }
    }

    /// The shape of an image; `None` in a described space, which has no images of its own.
    pub fn input(&self) -> Option<Input> {
        match self {
            Self::Macro(space) => Some(space.input()),
            Self::Sequential(space) => Some(space.input()),
            Self::Described(_) => None,
        }
    }

    /// What `genome` describes.
    pub fn decode(&self, genome: &Genome) -> Result<Network, Mismatch> {
        match (self, genome) {
            (Self::Macro(space), Genome::Macro(genome)) => {
                Ok(Network::Macro(macro_space::decode(space, genome)?))
            }
            (Self::Sequential(space), Genome::Values(values)) => {
                Ok(Network::Sequential(sequential::decode(space, values)?))
            }
            (Self::Described(space), Genome::Values(values)) => {
                space.check(values)?;
                let values = values.clone();
                Ok(Network::Described { values })
            }
            _ => Err(Mismatch::Kind {
                genome: genome.clone(),
                space: self.kind(),
            }),
        }
    }

    /// A genome drawn uniformly, parameter by parameter.
    pub(crate) fn random(&self, rng: &mut impl Rng) -> Genome {
        match self {
            Self::Macro(space) => Genome::Macro(macro_space::Genome::random(space, rng)),
            Self::Sequential(space) => Genome::Values(space.parameters().random(rng)),
            Self::Described(space) => Genome::Values(space.random(rng)),
        }
    }

    /// A child of two genomes of this space.
    pub(crate) fn cross(&self, mother: &Genome, father: &Genome, rng: &mut impl Rng) -> Genome {
        match (mother, father) {
            (Genome::Macro(mother), Genome::Macro(father)) => {
                Genome::Macro(mother.cross(father, rng))
            }
            (Genome::Values(mother), Genome::Values(father)) => match self {
                Self::Sequential(space) => {
                    Genome::Values(space.parameters().cross(mother, father, rng))
                }
                Self::Described(space) => Genome::Values(space.cross(mother, father, rng)),
                Self::Macro(_) => Genome::Values(mother.clone()),
            },
            _ => mother.clone(),
        }
    }

    /// A genome of this space with one bit or one parameter changed.
    pub(crate) fn mutate(&self, genome: &Genome, rng: &mut impl Rng) -> Genome {
        match (self, genome) {
            (_, Genome::Macro(genome)) => Genome::Macro(genome.mutate(rng)),
            (Self::Sequential(space), Genome::Values(values)) => {
                Genome::Values(space.parameters().mutate(values, rng))
            }
            (Self::Described(space), Genome::Values(values)) => {
                Genome::Values(space.mutate(values, rng))
            }
            (Self::Macro(_), Genome::Values(_)) => genome.clone(),
        }
    }
}

impl From<macro_space::Space> for Space {
    fn from(space: macro_space::Space) -> Self {
        Self::Macro(space)
    }
}

impl From<sequential::Space> for Space {
    fn from(space: sequential::Space) -> Self {
        Self::Sequential(Box::new(space))
    }
}

impl From<described::Space> for Space {
    fn from(space: described::Space) -> Self {
        Self::Described(space)
    }
}

impl Network {
    /// Operations of one image's forward pass; 0 where only the worker knows.
    pub fn flops(&self) -> u64 {
        match self {
            Self::Macro(network) => network.flops(),
            Self::Sequential(network) => network.flops(),
            Self::Described { .. } => 0,
        }
    }

    /// Trainable parameters; 0 where only the worker knows.
    pub fn parameters(&self) -> u64 {
        match self {
            Self::Macro(network) => network.parameters(),
            Self::Sequential(network) => network.parameters(),
            Self::Described { .. } => 0,
        }
    }
}

impl fmt::Display for Genome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Macro(genome) => genome.fmt(out),
            Self::Values(values) => values.fmt(out),
        }
    }
}

impl FromStr for Genome {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text.starts_with('{') {
            Ok(Self::Values(text.parse()?))
        } else {
            Ok(Self::Macro(text.parse()?))
        }
    }
}

impl TryFrom<String> for Genome {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse()
    }
}

impl From<Genome> for String {
    fn from(genome: Genome) -> Self {
        genome.to_string()
    }
}
