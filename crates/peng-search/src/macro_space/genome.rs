//! The genome: for every phase, which nodes are joined and whether its input skips it.

use std::fmt;
use std::str::FromStr;

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::{MAX_NODES, MAX_PHASES, Space};

/// A bit string that describes one network.
///
/// A phase of K nodes has K(K-1)/2 + 1 bits: node 2 from node 1, node 3 from nodes 1 and 2, and
/// so on, last the skip bit (phase input to phase output). As text the phases are joined by `-`:
/// `1011010-0010110-1111111`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Genome {
    nodes: usize,
    bits: Vec<bool>,
}

/// Why a text is not a genome. Phases and positions count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// There are too many phases.
    #[error("the genome has {phases} phases: at most {MAX_PHASES} are allowed")]
    Phases {
        /// How many there are.
        phases: usize,
    },
    /// A character is neither `0` nor `1`.
    #[error(
        "phase {phase} of the genome has {found:?} at position {position}: \
         a genome is written with 0 and 1, its phases joined by '-'"
    )]
    Character {
        /// The phase.
        phase: usize,
        /// The character's place in the phase.
        position: usize,
        /// The character.
        found: char,
    },
    /// No number of nodes needs that many bits.
    #[error(
        "phase {phase} of the genome has {bits} bits: a phase of K nodes has K(K-1)/2 + 1 bits \
         (2, 4, 7, 11, 16, ...), K from 2 to {MAX_NODES}"
    )]
    Length {
        /// The phase.
        phase: usize,
        /// How many bits it has.
        bits: usize,
    },
    /// Phases differ in length.
    #[error(
        "phase {phase} of the genome has {bits} bits and phase 1 has {first}: \
         all phases of a genome have the same number of nodes"
    )]
    Uneven {
        /// The phase that differs from the first.
        phase: usize,
        /// How many bits it has.
        bits: usize,
        /// How many bits the first phase has.
        first: usize,
    },
}

/// Bits of a phase with that many nodes.
pub(crate) fn phase_bits(nodes: usize) -> usize {
    nodes * (nodes - 1) / 2 + 1
}

impl Genome {
    /// Number of phases.
    pub fn phases(&self) -> usize {
        self.bits.len() / phase_bits(self.nodes)
    }

    /// Number of nodes in each phase, active or not.
    pub fn nodes(&self) -> usize {
        self.nodes
    }

    /// All bits, the first phase first.
    pub fn bits(&self) -> &[bool] {
        &self.bits
    }

    /// The bits of each phase; the last one is the skip bit.
    pub(super) fn iter_phases(&self) -> impl Iterator<Item = &[bool]> {
        self.bits.chunks(phase_bits(self.nodes))
    }

    /// Each bit a fair coin.
    pub(crate) fn random(space: &Space, rng: &mut impl Rng) -> Self {
        let bits = (0..space.bits()).map(|_| rng.random()).collect();
        Self {
            nodes: space.nodes(),
            bits,
        }
    }

    /// A genome of the same shape with other bits; `bits` must be as many.
    pub(crate) fn with_bits(&self, bits: Vec<bool>) -> Self {
        debug_assert_eq!(bits.len(), self.bits.len());
        Self {
            nodes: self.nodes,
            bits,
        }
    }

    /// The next genome when the bits are read as a binary number; the last one is followed by
    /// the first.
    pub(crate) fn successor(&self) -> Self {
        let mut bits = self.bits.clone();
        for bit in bits.iter_mut().rev() {
            *bit = !*bit;
            if *bit {
                break;
            }
        }
        self.with_bits(bits)
    }
}

impl fmt::Display for Genome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(self.bits.len() + self.phases());
        for phase in self.iter_phases() {
            if !text.is_empty() {
                text.push('-');
            }
            text.extend(phase.iter().map(|&bit| if bit { '1' } else { '0' }));
        }
        out.pad(&text)
    }
}

impl FromStr for Genome {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let phases = text.split('-').count();
        if phases > MAX_PHASES {
            return Err(ParseError::Phases { phases });
        }
        let mut genome: Option<Self> = None;
        for (index, part) in text.split('-').enumerate() {
            let phase = index + 1;
            let bits = parse_phase(phase, part)?;
            match &mut genome {
                None => {
                    let nodes = node_count(phase, bits.len())?;
                    genome = Some(Self { nodes, bits });
                }
                Some(genome) => {
                    let first = phase_bits(genome.nodes);
                    if bits.len() != first {
                        return Err(ParseError::Uneven {
                            phase,
                            bits: bits.len(),
                            first,
                        });
                    }
                    genome.bits.extend(bits);
                }
            }
        }
        genome.ok_or(ParseError::Length { phase: 1, bits: 0 })
    }
}

fn parse_phase(phase: usize, text: &str) -> Result<Vec<bool>, ParseError> {
    text.chars()
        .enumerate()
        .map(|(index, found)| match found {
            '0' => Ok(false),
            '1' => Ok(true),
            _ => Err(ParseError::Character {
                phase,
                position: index + 1,
                found,
            }),
        })
        .collect()
}

fn node_count(phase: usize, bits: usize) -> Result<usize, ParseError> {
    (2..=MAX_NODES)
        .find(|&nodes| phase_bits(nodes) == bits)
        .ok_or(ParseError::Length { phase, bits })
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts() -> impl Strategy<Value = String> {
        (2..=MAX_NODES, 1..=MAX_PHASES).prop_flat_map(|(nodes, phases)| {
            let phase = proptest::collection::vec(any::<bool>(), phase_bits(nodes));
            proptest::collection::vec(phase, phases).prop_map(|phases| {
                let text = |bits: Vec<bool>| -> String {
                    bits.iter()
                        .map(|&bit| if bit { '1' } else { '0' })
                        .collect()
                };
                phases.into_iter().map(text).collect::<Vec<_>>().join("-")
            })
        })
    }

    proptest! {
        #[test]
        fn text_form_round_trips(text in texts()) {
            let genome: Genome = text.parse().unwrap();
            prop_assert_eq!(genome.to_string(), text.clone());
            let json = serde_json::to_string(&genome).unwrap();
            prop_assert_eq!(&json, &format!("\"{text}\""));
            prop_assert_eq!(serde_json::from_str::<Genome>(&json).unwrap(), genome);
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in "[01x-]{0,40}") {
            if let Ok(genome) = text.parse::<Genome>() {
                prop_assert_eq!(genome.to_string(), text);
            }
        }
    }

    #[test]
    fn errors_say_where_and_what() {
        let message = |text: &str| text.parse::<Genome>().unwrap_err().to_string();
        assert!(
            message("1011010-00x0110").starts_with("phase 2 of the genome has 'x' at position 3")
        );
        assert!(message("10110").starts_with("phase 1 of the genome has 5 bits"));
        assert!(message("").starts_with("phase 1 of the genome has 0 bits"));
        assert!(message("1011010-1011").contains("has 4 bits and phase 1 has 7"));
        assert!(message(&["10"; 9].join("-")).contains("9 phases"));
    }

    #[test]
    fn successors_visit_every_genome_once() {
        let start: Genome = "01-10".parse().unwrap();
        let mut genome = start.successor();
        let mut steps = 1;
        while genome != start {
            genome = genome.successor();
            steps += 1;
        }
        assert_eq!(steps, 16);
    }
}
