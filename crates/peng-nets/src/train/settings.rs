//! How a network is trained.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use super::Augmentation;

/// SGD with Nesterov momentum, and its schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Epochs of a whole training, at least 1; the schedule is laid over them.
    pub epochs: u32,
    /// Images in a batch, from 2 to the number of training images.
    pub batch: usize,
    /// Highest learning rate, above 0.
    pub learning_rate: f64,
    /// Momentum, from 0 to below 1.
    pub momentum: f64,
    /// Weight decay (L2), 0 or more.
    pub weight_decay: f64,
    /// How the learning rate changes.
    pub schedule: Schedule,
    /// Epochs over which the learning rate first rises from 0 in a straight line, 0 or more.
    pub warm_up: f64,
    /// Share that the moving average of the weights keeps at every batch, from 0 (the weights
    /// themselves are measured) to below 1. Averages give smoother curves and better networks.
    pub averaging: f64,
    /// Share of the target spread over all classes (Szegedy et al., arXiv 1512.00567), 0 to below 1.
    pub label_smoothing: f64,
    /// Random changes of the training images.
    pub augmentation: Augmentation,
}

/// How the learning rate changes over a training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// It stays.
    Constant,
    /// It falls to 0 along half a cosine (Loshchilov and Hutter, arXiv 1608.03983).
    Cosine,
}

/// A setting is outside its range.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{field} is {value}: it must be {range}")]
pub struct Error {
    /// The setting.
    pub field: &'static str,
    /// What was given.
    pub value: f64,
    /// What would be right.
    pub range: String,
}

/// What the demo trains with: smooth curves on a few thousand images in a dozen epochs.
impl Default for Settings {
    fn default() -> Self {
        Self {
            epochs: 12,
            batch: 32,
            learning_rate: 0.02,
            momentum: 0.9,
            weight_decay: 5e-4,
            schedule: Schedule::Cosine,
            warm_up: 0.0,
            averaging: 0.97,
            label_smoothing: 0.0,
            augmentation: Augmentation::default(),
        }
    }
}

impl Settings {
    /// Checks every range; `images` is the number of training images.
    pub(crate) fn check(&self, images: usize) -> Result<(), Error> {
        let within = |field, value: f64, fits: bool, range: &str| {
            let range = range.to_owned();
            if fits {
                Ok(())
            } else {
                Err(Error {
                    field,
                    value,
                    range,
                })
            }
        };
        let unit = |field, value: f64| {
            within(
                field,
                value,
                (0.0..1.0).contains(&value),
                "from 0 to below 1",
            )
        };
        let positive = |field, value: f64| {
            within(field, value, value >= 0.0 && value.is_finite(), "0 or more")
        };
        within("epochs", self.epochs.into(), self.epochs > 0, "at least 1")?;
        within(
            "batch",
            self.batch as f64,
            (2..=images).contains(&self.batch),
            &format!("from 2 to the {images} training images"),
        )?;
        let rate = self.learning_rate;
        within(
            "learning_rate",
            rate,
            rate > 0.0 && rate.is_finite(),
            "above 0",
        )?;
        unit("momentum", self.momentum)?;
        positive("weight_decay", self.weight_decay)?;
        positive("warm_up", self.warm_up)?;
        unit("averaging", self.averaging)?;
        unit("label_smoothing", self.label_smoothing)
    }

    /// The learning rate after `done` epochs, which may be a fraction.
    pub(crate) fn rate(&self, done: f64) -> f64 {
        let rising = if done < self.warm_up {
            done / self.warm_up
        } else {
            1.0
        };
        let falling = match self.schedule {
            Schedule::Constant => 1.0,
            Schedule::Cosine => {
                let progress = (done / f64::from(self.epochs)).min(1.0);
                0.5 * (1.0 + (PI * progress).cos())
            }
        };
        self.learning_rate * rising * falling
    }
}
