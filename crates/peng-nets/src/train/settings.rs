//! How a network is trained.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use super::Augmentation;
use crate::net::Pass;

/// A training's sizes, rates and rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Epochs of a whole training, at least 1; the schedule is laid over them.
    pub epochs: u32,
    /// Measurements in each epoch, at least 1 and at most its batches.
    pub validations: u32,
    /// Images in a batch, from 2 to the number of training images.
    pub batch: usize,
    /// What takes the steps.
    pub optimizer: Rule,
    /// Highest learning rate, above 0.
    pub learning_rate: f64,
    /// Momentum of SGD, from 0 to below 1.
    pub momentum: f64,
    /// Weight decay, 0 or more.
    pub weight_decay: f64,
    /// Longest gradient, the norm over all weights; 0 means no limit.
    pub clip_norm: f64,
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
    /// What convolutions and products are computed in; weights have 32 bits in any case.
    pub precision: Precision,
    /// Whether the channels of a pixel lie side by side, which suits GPUs that compute in 16 bits.
    pub channels_last: bool,
}

/// What takes the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Stochastic gradient descent with Nesterov momentum.
    Sgd,
    /// Adam; the weight decay is added to the gradient.
    Adam,
    /// `AdamW` (Loshchilov and Hutter, arXiv 1711.05101); the weight decay is decoupled.
    Adamw,
}

/// How the learning rate changes over a training.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// It stays.
    Constant,
    /// It is multiplied by `factor` after every `every` epochs.
    Step {
        /// Epochs between drops, above 0.
        every: f64,
        /// What is left after a drop, above 0 and at most 1.
        factor: f64,
    },
    /// It falls to 0 along half a cosine (Loshchilov and Hutter, arXiv 1608.03983).
    Cosine,
}

/// What convolutions and products are computed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// 32-bit numbers.
    Float32,
    /// 16-bit brain floats, which need no scaling of the loss.
    Bfloat16,
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
            validations: 1,
            batch: 32,
            optimizer: Rule::Sgd,
            learning_rate: 0.02,
            momentum: 0.9,
            weight_decay: 5e-4,
            clip_norm: 0.0,
            schedule: Schedule::Cosine,
            warm_up: 0.0,
            averaging: 0.97,
            label_smoothing: 0.0,
            augmentation: Augmentation::default(),
            precision: Precision::Float32,
            channels_last: false,
        }
    }
}

impl Settings {
    /// A pass that measures in this precision and order.
    pub(super) fn pass<'a>(&self) -> Pass<'a> {
        let half = self.precision == Precision::Bfloat16;
        Pass::evaluation().computed(half, self.channels_last)
    }

    /// Checks every range; `images` is the number of training images.
    pub(crate) fn check(&self, images: usize) -> Result<(), Error> {
        let unit = |field, value: f64| {
            let fits = (0.0..1.0).contains(&value);
            within(field, value, fits, "from 0 to below 1")
        };
        let positive = |field, value: f64| {
            let fits = value >= 0.0 && value.is_finite();
            within(field, value, fits, "0 or more")
        };
        let above = |field, value: f64| {
            let fits = value > 0.0 && value.is_finite();
            within(field, value, fits, "above 0")
        };
        within("epochs", self.epochs.into(), self.epochs > 0, "at least 1")?;
        let fits = (2..=images).contains(&self.batch);
        let range = format!("from 2 to the {images} training images");
        within("batch", self.batch as f64, fits, &range)?;
        let batches = images / self.batch;
        let fits = (1..=batches).contains(&(self.validations as usize));
        let range = format!("from 1 to the {batches} batches of an epoch");
        within("validations", self.validations.into(), fits, &range)?;
        above("learning_rate", self.learning_rate)?;
        unit("momentum", self.momentum)?;
        positive("weight_decay", self.weight_decay)?;
        positive("clip_norm", self.clip_norm)?;
        if let Schedule::Step { every, factor } = self.schedule {
            above("schedule.step.every", every)?;
            let fits = factor > 0.0 && factor <= 1.0;
            within(
                "schedule.step.factor",
                factor,
                fits,
                "above 0 and at most 1",
            )?;
        }
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
            Schedule::Step { every, factor } => factor.powf((done / every).floor()),
            Schedule::Cosine => {
                let progress = (done / f64::from(self.epochs)).min(1.0);
                0.5 * (1.0 + (PI * progress).cos())
            }
        };
        self.learning_rate * rising * falling
    }
}

fn within(field: &'static str, value: f64, fits: bool, range: &str) -> Result<(), Error> {
    if fits {
        return Ok(());
    }
    Err(Error {
        field,
        value,
        range: range.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learning_rates_follow_their_schedule() {
        let rates = |schedule, warm_up| {
            let settings = Settings {
                epochs: 4,
                learning_rate: 1.0,
                schedule,
                warm_up,
                ..Settings::default()
            };
            [0.0, 0.5, 1.0, 2.0, 3.5].map(|done| format!("{:.3}", settings.rate(done)))
        };
        let step = Schedule::Step {
            every: 1.0,
            factor: 0.5,
        };
        assert_eq!(rates(Schedule::Constant, 0.0), ["1.000"; 5]);
        assert_eq!(
            rates(Schedule::Constant, 1.0),
            ["0.000", "0.500", "1.000", "1.000", "1.000"]
        );
        assert_eq!(
            rates(step, 0.0),
            ["1.000", "1.000", "0.500", "0.250", "0.125"]
        );
        assert_eq!(
            rates(Schedule::Cosine, 0.0),
            ["1.000", "0.962", "0.854", "0.500", "0.038"]
        );
    }
}
