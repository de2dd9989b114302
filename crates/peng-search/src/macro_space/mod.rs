//! The macro space of NSGA-Net (Lu et al., GECCO 2019, arXiv 1810.03522), whose encoding follows
//! Genetic CNN (Xie and Yuille, ICCV 2017): a network is a chain of phases, a phase a small
//! directed graph of convolutions, and the genome says which nodes are joined.

mod cost;
mod genome;
mod graph;
mod variation;

use serde::{Deserialize, Serialize};

pub use genome::{Genome, ParseError};
pub use graph::{Architecture, Conv, Mismatch, Node, Phase, Source, decode};

/// Most phases a space can have.
pub const MAX_PHASES: usize = 8;
/// Most nodes a phase can have.
pub const MAX_NODES: usize = 16;
/// Most channels of an image or a phase, and most classes.
pub const MAX_CHANNELS: usize = 4096;
/// Largest height or width of an image, in pixels.
pub const MAX_SIDE: usize = 4096;

/// The shape of one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Input {
    /// Channels: 1 for grey images, 3 for colour; 1 to [`MAX_CHANNELS`].
    pub channels: usize,
    /// Height in pixels, 1 to [`MAX_SIDE`].
    pub height: usize,
    /// Width in pixels, 1 to [`MAX_SIDE`].
    pub width: usize,
}

/// All networks that genomes of one length describe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct Space {
    nodes: usize,
    channels: Vec<usize>,
    input: Input,
    classes: usize,
}

/// A space as it is written down, before it is checked.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    nodes: usize,
    channels: Vec<usize>,
    input: Input,
    classes: usize,
}

/// Why a space cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A number is outside its range.
    #[error("{field} is {value}: it must be from {least} to {most}")]
    Range {
        /// The name of the field, as in `channels[1]` or `input.height`.
        field: String,
        /// What was given.
        value: usize,
        /// The least value allowed.
        least: usize,
        /// The greatest value allowed.
        most: usize,
    },
    /// The poolings between the phases would leave less than one pixel.
    #[error(
        "input is {height} x {width} pixels: too small for {phases} phases, after which \
         {left} x {left_width} would be left; use fewer phases or larger images"
    )]
    TooSmall {
        /// The height of the image.
        height: usize,
        /// The width of the image.
        width: usize,
        /// The number of phases.
        phases: usize,
        /// The height left after all phases.
        left: usize,
        /// The width left after all phases.
        left_width: usize,
    },
}

impl Space {
    /// A space of `channels.len()` phases with `nodes` nodes each.
    ///
    /// `nodes` is 2 to [`MAX_NODES`]; `channels` holds the output channels of each phase, first to
    /// last (published: 24, 48, 96); `classes` is the length of the network's output.
    pub fn new(
        nodes: usize,
        channels: Vec<usize>,
        input: Input,
        classes: usize,
    ) -> Result<Self, Error> {
        within("nodes", nodes, 2, MAX_NODES)?;
        within(
            "phases (the length of channels)",
            channels.len(),
            1,
            MAX_PHASES,
        )?;
        for (phase, &count) in channels.iter().enumerate() {
            within(&format!("channels[{phase}]"), count, 1, MAX_CHANNELS)?;
        }
        check_images(input, classes)?;
        let space = Self {
            nodes,
            channels,
            input,
            classes,
        };
        space.check_size()?;
        Ok(space)
    }

    /// Number of phases.
    pub fn phases(&self) -> usize {
        self.channels.len()
    }

    /// Number of nodes in each phase.
    pub fn nodes(&self) -> usize {
        self.nodes
    }

    /// Output channels of each phase, first to last.
    pub fn channels(&self) -> &[usize] {
        &self.channels
    }

    /// The shape of one image.
    pub fn input(&self) -> Input {
        self.input
    }

    /// Number of classes: the length of the network's output.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Number of bits in a genome of this space.
    pub fn bits(&self) -> usize {
        self.phases() * genome::phase_bits(self.nodes)
    }

    /// The network with every phase active shrinks the image most.
    fn check_size(&self) -> Result<(), Error> {
        let border = if self.input.channels == self.channels[0] {
            0
        } else {
            2
        };
        let poolings = self.phases() - 1;
        let left = self.input.height.saturating_sub(border) >> poolings;
        let left_width = self.input.width.saturating_sub(border) >> poolings;
        if left == 0 || left_width == 0 {
            return Err(Error::TooSmall {
                height: self.input.height,
                width: self.input.width,
                phases: self.phases(),
                left,
                left_width,
            });
        }
        Ok(())
    }
}

/// Checks the shape of images and the number of classes, for any space of networks.
pub(crate) fn check_images(input: Input, classes: usize) -> Result<(), Error> {
    within("input.channels", input.channels, 1, MAX_CHANNELS)?;
    within("input.height", input.height, 1, MAX_SIDE)?;
    within("input.width", input.width, 1, MAX_SIDE)?;
    within("classes", classes, 1, MAX_CHANNELS)
}

fn within(field: &str, value: usize, least: usize, most: usize) -> Result<(), Error> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(Error::Range {
        field: field.to_owned(),
        value,
        least,
        most,
    })
}

impl TryFrom<Fields> for Space {
    type Error = Error;

    fn try_from(fields: Fields) -> Result<Self, Error> {
        Self::new(fields.nodes, fields.channels, fields.input, fields.classes)
    }
}

impl From<Space> for Fields {
    fn from(space: Space) -> Self {
        let Space {
            nodes,
            channels,
            input,
            classes,
        } = space;
        Self {
            nodes,
            channels,
            input,
            classes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INPUT: Input = Input {
        channels: 1,
        height: 28,
        width: 28,
    };

    #[test]
    fn errors_name_the_field_and_its_range() {
        let error = Space::new(4, vec![8, 0], INPUT, 10).unwrap_err();
        assert_eq!(
            error.to_string(),
            "channels[1] is 0: it must be from 1 to 4096"
        );
        let error = Space::new(1, vec![8], INPUT, 10).unwrap_err();
        assert_eq!(error.to_string(), "nodes is 1: it must be from 2 to 16");
    }

    #[test]
    fn images_that_vanish_are_refused() {
        let space = |side| {
            Space::new(
                4,
                vec![8, 16, 32],
                Input {
                    channels: 1,
                    height: side,
                    width: side,
                },
                10,
            )
        };
        assert!(space(6).is_ok());
        assert!(matches!(space(5), Err(Error::TooSmall { left: 0, .. })));
    }

    #[test]
    fn a_written_space_is_checked_when_read() {
        let space = Space::new(4, vec![8, 16], INPUT, 10).unwrap();
        let text = serde_json::to_string(&space).unwrap();
        assert_eq!(serde_json::from_str::<Space>(&text).unwrap(), space);
        let broken = text.replace("\"nodes\":4", "\"nodes\":99");
        let error = serde_json::from_str::<Space>(&broken).unwrap_err();
        assert!(error.to_string().contains("nodes is 99"), "{error}");
    }
}
