//! By what method a candidate is trained.

use serde::{Deserialize, Serialize};

use super::ensure;
use crate::{error::Error, v1};

/// How a training goes about it, beside its sizes and rates.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Method {
    /// What takes the steps.
    pub optimizer: Optimizer,
    /// How the learning rate falls.
    pub schedule: Schedule,
    /// Epochs over which the learning rate first rises from 0, finite, 0 or more.
    pub warm_up_epochs: f64,
    /// Share of the target spread over all classes, 0 to below 1.
    pub label_smoothing: f64,
    /// Longest gradient, finite; 0 means no limit.
    pub clip_norm: f64,
    /// Furthest shift of an image in each direction in pixels, at most 64.
    pub shift: u8,
    /// Whether images are mirrored left to right by the toss of a coin.
    pub flip: bool,
    /// Side in pixels of a square that is blackened, at most 64; 0 means none.
    pub cutout: u8,
    /// What forward passes are computed in.
    pub precision: Precision,
    /// Observations per epoch, 1 to 100.
    pub validations_per_epoch: u32,
    /// Share that the moving average of the weights keeps at every step, 0 to below 1.
    pub averaging: f64,
}

/// What takes the steps of a training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Optimizer {
    /// Stochastic gradient descent with Nesterov momentum.
    #[default]
    Sgd,
    /// Adam; the weight decay is added to the gradient.
    Adam,
    /// `AdamW`; the weight decay is decoupled.
    Adamw,
}

/// How the learning rate falls.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// It stays.
    Constant,
    /// It is multiplied by `factor` after every `every_epochs`.
    Step {
        /// Epochs between drops, above 0.
        every_epochs: f64,
        /// What is left after a drop, above 0 and at most 1.
        factor: f64,
    },
    /// It falls to 0 along half a cosine.
    #[default]
    Cosine,
}

/// What forward passes are computed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// 32-bit numbers.
    #[default]
    Float32,
    /// 16-bit brain floats where the device is a CUDA one.
    Bfloat16,
}

/// SGD along a cosine, with averaged weights and plain images.
impl Default for Method {
    fn default() -> Self {
        Self {
            optimizer: Optimizer::default(),
            schedule: Schedule::default(),
            warm_up_epochs: 0.0,
            label_smoothing: 0.0,
            clip_norm: 0.0,
            shift: 0,
            flip: false,
            cutout: 0,
            precision: Precision::default(),
            validations_per_epoch: 1,
            averaging: 0.97,
        }
    }
}

impl Method {
    /// The most pixels that an augmentation reaches.
    const MOST_PIXELS: u8 = 64;

    /// Checks every field that has a range; the error names the first at fault.
    pub fn check(&self) -> Result<(), Error> {
        let share = |value: f64| (0.0..1.0).contains(&value);
        let positive = |value: f64| value.is_finite() && value >= 0.0;
        if let Schedule::Step {
            every_epochs,
            factor,
        } = self.schedule
        {
            let every = every_epochs.is_finite() && every_epochs > 0.0;
            ensure(every, "schedule.step.every_epochs", every_epochs, "above 0")?;
            let falls = factor > 0.0 && factor <= 1.0;
            ensure(
                falls,
                "schedule.step.factor",
                factor,
                "above 0 and at most 1",
            )?;
        }
        let (warm_up, clip) = (self.warm_up_epochs, self.clip_norm);
        ensure(positive(warm_up), "warm_up_epochs", warm_up, "0 or more")?;
        let smoothing = self.label_smoothing;
        ensure(
            share(smoothing),
            "label_smoothing",
            smoothing,
            "0 to below 1",
        )?;
        ensure(positive(clip), "clip_norm", clip, "0 or more")?;
        let most = Self::MOST_PIXELS;
        let right = format!("at most {most}");
        ensure(self.shift <= most, "augmentation.shift", self.shift, &right)?;
        ensure(
            self.cutout <= most,
            "augmentation.cutout",
            self.cutout,
            &right,
        )?;
        let validations = self.validations_per_epoch;
        let counted = (1..=100).contains(&validations);
        ensure(counted, "validations_per_epoch", validations, "1 to 100")?;
        let averaging = self.averaging;
        ensure(share(averaging), "averaging", averaging, "0 to below 1")
    }

    /// Reads the method of a training.
    pub(super) fn parse(wire: &v1::Training) -> Result<Self, Error> {
        let augmentation = wire.augmentation.unwrap_or_default();
        let pixels = |pixels: u32| u8::try_from(pixels).unwrap_or(u8::MAX);
        let schedule = wire.schedule.and_then(|schedule| schedule.shape);
        Ok(Self {
            optimizer: match v1::Optimizer::try_from(wire.optimizer) {
                Ok(v1::Optimizer::Unspecified | v1::Optimizer::Sgd) => Optimizer::Sgd,
                Ok(v1::Optimizer::Adam) => Optimizer::Adam,
                Ok(v1::Optimizer::Adamw) => Optimizer::Adamw,
                Err(_) => return Err(unknown("optimizer", wire.optimizer, "SGD, ADAM or ADAMW")),
            },
            schedule: match schedule {
                None | Some(v1::schedule::Shape::Cosine(_)) => Schedule::Cosine,
                Some(v1::schedule::Shape::Constant(_)) => Schedule::Constant,
                Some(v1::schedule::Shape::Step(step)) => Schedule::Step {
                    every_epochs: step.every_epochs,
                    factor: step.factor,
                },
            },
            warm_up_epochs: wire.warm_up_epochs,
            label_smoothing: wire.label_smoothing,
            clip_norm: wire.clip_norm,
            shift: pixels(augmentation.shift),
            flip: augmentation.flip,
            cutout: pixels(augmentation.cutout),
            precision: match v1::Precision::try_from(wire.precision) {
                Ok(v1::Precision::Unspecified | v1::Precision::Float32) => Precision::Float32,
                Ok(v1::Precision::Bfloat16) => Precision::Bfloat16,
                Err(_) => return Err(unknown("precision", wire.precision, "FLOAT32 or BFLOAT16")),
            },
            validations_per_epoch: wire.validations_per_epoch.max(1),
            averaging: wire.averaging,
        })
    }

    /// Writes the method into a training.
    pub(super) fn to_wire(self, wire: &mut v1::Training) {
        wire.optimizer = match self.optimizer {
            Optimizer::Sgd => v1::Optimizer::Sgd,
            Optimizer::Adam => v1::Optimizer::Adam,
            Optimizer::Adamw => v1::Optimizer::Adamw,
        }
        .into();
        let shape = match self.schedule {
            Schedule::Constant => v1::schedule::Shape::Constant(v1::ConstantSchedule {}),
            Schedule::Step {
                every_epochs,
                factor,
            } => v1::schedule::Shape::Step(v1::StepSchedule {
                every_epochs,
                factor,
            }),
            Schedule::Cosine => v1::schedule::Shape::Cosine(v1::CosineSchedule {}),
        };
        wire.schedule = Some(v1::Schedule { shape: Some(shape) });
        wire.warm_up_epochs = self.warm_up_epochs;
        wire.label_smoothing = self.label_smoothing;
        wire.clip_norm = self.clip_norm;
        wire.augmentation = Some(v1::Augmentation {
            shift: self.shift.into(),
            flip: self.flip,
            cutout: self.cutout.into(),
        });
        wire.precision = match self.precision {
            Precision::Float32 => v1::Precision::Float32,
            Precision::Bfloat16 => v1::Precision::Bfloat16,
        }
        .into();
        wire.validations_per_epoch = self.validations_per_epoch;
        wire.averaging = self.averaging;
    }
}

fn unknown(field: &str, number: i32, right: &str) -> Error {
    Error::field(field, format!("is {number}; {right} would be right"))
}
