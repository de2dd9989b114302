//! A candidate's name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A candidate's name: `c0001`, `c0002`, ... in the order of proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Id(u32);

/// A text is not a candidate's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a candidate's id: it must be 'c' and the number from 1, with at least four \
     digits, as in c0001"
)]
pub struct ParseIdError {
    text: String,
}

impl Id {
    /// The id of the candidate at a place in the order of proposal, from 0.
    pub(crate) fn at(index: usize) -> Self {
        Self(u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1))
    }

    /// The number in the name, from 1.
    pub fn number(self) -> u32 {
        self.0
    }

    /// The place in the order of proposal, from 0.
    pub(crate) fn index(self) -> usize {
        self.0 as usize - 1
    }
}

impl fmt::Display for Id {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&format!("c{:04}", self.0))
    }
}

impl FromStr for Id {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        text.strip_prefix('c')
            .and_then(|digits| digits.parse().ok())
            .filter(|&number| number > 0)
            .map(Self)
            .filter(|id| id.to_string() == text)
            .ok_or_else(|| ParseIdError {
                text: text.to_owned(),
            })
    }
}

impl TryFrom<String> for Id {
    type Error = ParseIdError;

    fn try_from(text: String) -> Result<Self, ParseIdError> {
        text.parse()
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_round_trip_and_nothing_else_is_one() {
        for (number, text) in [(1, "c0001"), (9999, "c9999"), (12345, "c12345")] {
            assert_eq!(Id(number).to_string(), text);
            assert_eq!(text.parse(), Ok(Id(number)));
        }
        for text in [
            "",
            "c",
            "c1",
            "c0000",
            "c00001",
            "0001",
            "c+001",
            "c99999999999",
        ] {
            assert!(text.parse::<Id>().is_err(), "{text}");
        }
    }
}
