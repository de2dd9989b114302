//! How the learning rate of a trial will run, as the trial declares it when it begins.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::epoch::Epoch;

/// How many steps a schedule may have.
pub const MOST_STEPS: usize = 100;
/// What is left of the rate after a step where nothing else is said.
pub const FACTOR: f64 = 0.1;

/// A schedule of the learning rate: how it first rises, and how it falls from there.
///
/// As a text, `constant`, `cosine`, `steps=150,250` or, where a step leaves another share than a
/// tenth, `steps=150,250*0.2`; each with `+warm-up=5` if it first rises.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct Schedule {
    warm_up: f64,
    shape: Shape,
}

/// How a learning rate falls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Shape {
    /// It stays.
    #[default]
    Constant,
    /// It drops in steps.
    Steps {
        /// The epochs after which it does, ascending, 1 to [`MOST_STEPS`] of them.
        epochs: Vec<Epoch>,
        /// What is left of it after each, above 0 and at most 1.
        factor: f64,
    },
    /// It falls to 0 along half a cosine.
    Cosine,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    warm_up: f64,
    shape: Shape,
}

/// Why a schedule is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The warm-up is negative or not finite.
    #[error("a warm-up must be a finite number of epochs, at least 0, got {0}")]
    WarmUp(f64),
    /// There is no step, or there are more than [`MOST_STEPS`].
    #[error("there must be 1 to {MOST_STEPS} steps, got {0}")]
    Steps(usize),
    /// A step is not after the one before it.
    #[error("steps must be at ascending epochs, got {after} after {before}")]
    Order {
        /// A step.
        before: Epoch,
        /// The one that follows it.
        after: Epoch,
    },
    /// The factor is not in (0, 1].
    #[error("a step must leave a share of the rate above 0 and at most 1, got {0}")]
    Factor(f64),
    /// The text is none that [`Schedule`] describes.
    #[error(
        "`{given}` is no schedule; `constant`, `cosine` or `steps=150,250` would be right, with \
         `*0.2` after the steps for what each leaves and `+warm-up=5` at the end"
    )]
    Text {
        /// The text.
        given: String,
    },
}

impl Schedule {
    /// A rate that rises in `warm_up` epochs, 0 or more, and falls in this shape. Fails on a
    /// warm-up or a shape that is not as described.
    pub fn new(warm_up: f64, shape: Shape) -> Result<Self, Error> {
        if !(warm_up >= 0.0 && warm_up.is_finite()) {
            return Err(Error::WarmUp(warm_up));
        }
        if let Shape::Steps { epochs, factor } = &shape {
            if epochs.is_empty() || epochs.len() > MOST_STEPS {
                return Err(Error::Steps(epochs.len()));
            }
            if let Some(pair) = epochs.windows(2).find(|pair| pair[0] >= pair[1]) {
                return Err(Error::Order {
                    before: pair[0],
                    after: pair[1],
                });
            }
            if !(*factor > 0.0 && *factor <= 1.0) {
                return Err(Error::Factor(*factor));
            }
        }
        Ok(Self { warm_up, shape })
    }

    /// Epochs over which the rate first rises, 0 or more.
    pub const fn warm_up(&self) -> f64 {
        self.warm_up
    }

    /// How it falls.
    pub const fn shape(&self) -> &Shape {
        &self.shape
    }
}

impl TryFrom<Raw> for Schedule {
    type Error = Error;

    fn try_from(raw: Raw) -> Result<Self, Error> {
        Self::new(raw.warm_up, raw.shape)
    }
}

impl From<Schedule> for Raw {
    fn from(schedule: Schedule) -> Self {
        Self {
            warm_up: schedule.warm_up,
            shape: schedule.shape,
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.shape {
            Shape::Constant => f.write_str("constant")?,
            Shape::Cosine => f.write_str("cosine")?,
            Shape::Steps { epochs, factor } => {
                let epochs: Vec<String> = epochs.iter().map(ToString::to_string).collect();
                write!(f, "steps={}*{factor}", epochs.join(","))?;
            }
        }
        if self.warm_up > 0.0 {
            write!(f, "+warm-up={}", self.warm_up)?;
        }
        Ok(())
    }
}

impl FromStr for Schedule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::Text {
            given: text.chars().take(100).collect(),
        };
        let number = |text: &str| text.trim().parse::<f64>().map_err(|_| wrong());
        let (shape, warm_up) = match text.split_once("+warm-up=") {
            Some((shape, warm_up)) => (shape, number(warm_up)?),
            None => (text, 0.0),
        };
        let shape = match shape.trim().split_once('=') {
            None if shape.trim() == "constant" => Shape::Constant,
            None if shape.trim() == "cosine" => Shape::Cosine,
            Some(("steps", steps)) => {
                let (epochs, factor) = match steps.split_once('*') {
                    Some((epochs, factor)) => (epochs, number(factor)?),
                    None => (steps, FACTOR),
                };
                let epochs = epochs
                    .split(',')
                    .map(|epoch| Epoch::new(number(epoch)?).map_err(|_| wrong()));
                Shape::Steps {
                    epochs: epochs.collect::<Result<_, _>>()?,
                    factor,
                }
            }
            _ => return Err(wrong()),
        };
        Self::new(warm_up, shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_json_say_the_same() {
        for text in [
            "constant",
            "cosine+warm-up=2.5",
            "steps=150,250*0.2+warm-up=5",
        ] {
            let schedule: Schedule = text.parse().unwrap();
            assert_eq!(schedule.to_string(), text);
            let json = serde_json::to_string(&schedule).unwrap();
            assert_eq!(serde_json::from_str::<Schedule>(&json).unwrap(), schedule);
        }
        let steps: Schedule = "steps=150, 250".parse().unwrap();
        assert_eq!(steps.to_string(), "steps=150,250*0.1");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, what) in [
            ("linear", "no schedule"),
            ("steps=", "no schedule"),
            ("steps=0", "no schedule"),
            ("steps=2,1", "ascending"),
            ("steps=1,1", "ascending"),
            ("steps=1*0", "above 0"),
            ("steps=1*NaN", "above 0"),
            ("cosine+warm-up=-1", "at least 0"),
            ("cosine+warm-up=inf", "finite"),
        ] {
            let error = text.parse::<Schedule>().unwrap_err().to_string();
            assert!(error.contains(what), "{text}: {error}");
        }
        let many: Vec<String> = (1..=101).map(|epoch| epoch.to_string()).collect();
        let many = format!("steps={}", many.join(","));
        assert_eq!(many.parse::<Schedule>(), Err(Error::Steps(101)));
    }
}
