//! How a candidate is trained.

use peng_predict::{Epoch, rate};
use serde::{Deserialize, Serialize};

use super::{Method, Schedule, ensure};
use crate::{error::Error, names::Id, v1};

/// How every candidate of a search is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// The data set by its id, for example `fashion-mnist`.
    pub dataset: String,
    /// Epochs of a whole training, 1 to [`Training::MOST_EPOCHS`].
    pub epochs: u32,
    /// Images of the training split; 0 means all that validation leaves.
    pub train_images: u32,
    /// Images of the validation split, at least 1.
    pub validation_images: u32,
    /// Images per step, at least 2 and at most those of the training split.
    pub batch_size: u32,
    /// The highest learning rate, finite and above 0.
    pub learning_rate: f64,
    /// The momentum of SGD, from 0 to below 1.
    pub momentum: f64,
    /// L2 penalty on the weights, finite, 0 or more.
    pub weight_decay: f64,
    /// The seed of the split, the same for all candidates.
    pub split_seed: u64,
    /// By what method.
    #[serde(default)]
    pub method: Method,
}

impl Training {
    /// As many observations as a trial can have.
    pub const MOST_EPOCHS: u32 = 10_000;

    /// Checks every field that has a range; the error names the first at fault.
    pub fn check(&self) -> Result<(), Error> {
        self.dataset.parse::<Id>().map_err(|_| {
            let wrong = format!("`{}` is no data set's id", self.dataset);
            Error::field("dataset", format!("{wrong}; `fashion-mnist` would be one"))
        })?;
        let most = Self::MOST_EPOCHS;
        let counted = (1..=most).contains(&self.epochs);
        ensure(counted, "epochs", self.epochs, &format!("1 to {most}"))?;
        let validates = self.validation_images > 0;
        let given = self.validation_images;
        ensure(validates, "validation_images", given, "at least 1")?;
        ensure(
            self.batch_size >= 2,
            "batch_size",
            self.batch_size,
            "at least 2",
        )?;
        let fits = self.train_images == 0 || self.batch_size <= self.train_images;
        let right = format!("at most train_images, {},", self.train_images);
        ensure(fits, "batch_size", self.batch_size, &right)?;
        let (rate, decay) = (self.learning_rate, self.weight_decay);
        ensure(
            rate.is_finite() && rate > 0.0,
            "learning_rate",
            rate,
            "finite and above 0",
        )?;
        let momentum = (0.0..1.0).contains(&self.momentum);
        ensure(momentum, "momentum", self.momentum, "0 to below 1")?;
        ensure(
            decay.is_finite() && decay >= 0.0,
            "weight_decay",
            decay,
            "finite and 0 or more",
        )?;
        self.method.check()
    }

    /// How the learning rate runs, for the prediction server; none where it has more steps before
    /// the end than one may declare.
    pub fn rate_schedule(&self) -> Option<rate::Schedule> {
        let shape = match self.method.schedule {
            Schedule::Constant => rate::Shape::Constant,
            Schedule::Cosine => rate::Shape::Cosine,
            Schedule::Step {
                every_epochs,
                factor,
            } => {
                let ends = (1..=rate::MOST_STEPS + 1).map(|step| every_epochs * step as f64);
                let before = ends.take_while(|end| *end < f64::from(self.epochs));
                let epochs: Vec<Epoch> = before.map(Epoch::new).collect::<Result<_, _>>().ok()?;
                if epochs.is_empty() {
                    rate::Shape::Constant
                } else {
                    rate::Shape::Steps { epochs, factor }
                }
            }
        };
        rate::Schedule::new(self.method.warm_up_epochs, shape).ok()
    }

    /// Reads a training.
    pub fn parse(wire: v1::Training) -> Result<Self, Error> {
        let method = Method::parse(&wire)?;
        let training = Self {
            dataset: wire.dataset,
            epochs: wire.epochs,
            train_images: wire.train_images,
            validation_images: wire.validation_images,
            batch_size: wire.batch_size,
            learning_rate: wire.learning_rate,
            momentum: wire.momentum,
            weight_decay: wire.weight_decay,
            split_seed: wire.split_seed,
            method,
        };
        training.check()?;
        Ok(training)
    }

    /// The training for the wire.
    pub fn to_wire(&self) -> v1::Training {
        let mut wire = v1::Training {
            dataset: self.dataset.clone(),
            epochs: self.epochs,
            train_images: self.train_images,
            validation_images: self.validation_images,
            batch_size: self.batch_size,
            learning_rate: self.learning_rate,
            momentum: self.momentum,
            weight_decay: self.weight_decay,
            split_seed: self.split_seed,
            ..v1::Training::default()
        };
        self.method.to_wire(&mut wire);
        wire
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::{Optimizer, Precision, Schedule};

    type Change = fn(&mut v1::Training);

    fn training() -> Training {
        Training {
            dataset: "fashion-mnist".to_owned(),
            epochs: 12,
            train_images: 6_000,
            validation_images: 5_000,
            batch_size: 64,
            learning_rate: 0.05,
            momentum: 0.9,
            weight_decay: 5e-4,
            split_seed: u64::MAX,
            method: Method {
                optimizer: Optimizer::Adamw,
                schedule: Schedule::Step {
                    every_epochs: 0.5,
                    factor: 0.1,
                },
                warm_up_epochs: 1.5,
                label_smoothing: 0.1,
                clip_norm: 5.0,
                shift: 4,
                flip: true,
                cutout: 8,
                precision: Precision::Bfloat16,
                validations_per_epoch: 2,
                averaging: 0.5,
            },
        }
    }

    #[test]
    fn schedules_are_declared_as_they_are_trained() {
        let mut training = training();
        training.epochs = 12;
        for (schedule, warm_up_epochs, told) in [
            (Schedule::Constant, 0.0, Some("constant")),
            (Schedule::Cosine, 2.0, Some("cosine+warm-up=2")),
            (step(5.0), 0.0, Some("steps=5,10*0.2")),
            (step(12.0), 0.0, Some("constant")),
            (step(0.1), 0.0, None),
        ] {
            training.method.schedule = schedule;
            training.method.warm_up_epochs = warm_up_epochs;
            let declared = training.rate_schedule().map(|told| told.to_string());
            assert_eq!(declared.as_deref(), told);
        }
    }

    fn step(every_epochs: f64) -> Schedule {
        Schedule::Step {
            every_epochs,
            factor: 0.2,
        }
    }

    #[test]
    fn a_training_survives_the_wire_and_json() {
        let training = training();
        assert_eq!(Training::parse(training.to_wire()).unwrap(), training);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let changes: [(&str, Change); 16] = [
            ("dataset", |t| t.dataset = String::new()),
            ("dataset", |t| t.dataset = "../up".to_owned()),
            ("epochs", |t| t.epochs = 0),
            ("epochs", |t| t.epochs = 10_001),
            ("validation_images", |t| t.validation_images = 0),
            ("batch_size", |t| t.batch_size = 1),
            ("batch_size", |t| t.batch_size = 6_001),
            ("learning_rate", |t| t.learning_rate = f64::NAN),
            ("momentum", |t| t.momentum = 1.0),
            ("weight_decay", |t| t.weight_decay = -1.0),
            ("optimizer", |t| t.optimizer = 9),
            ("warm_up_epochs", |t| t.warm_up_epochs = -1.0),
            ("clip_norm", |t| t.clip_norm = f64::INFINITY),
            ("augmentation.cutout", |t| {
                t.augmentation.as_mut().unwrap().cutout = 65;
            }),
            ("validations_per_epoch", |t| t.validations_per_epoch = 101),
            ("averaging", |t| t.averaging = 1.0),
        ];
        for (field, change) in changes {
            let mut wire = training().to_wire();
            change(&mut wire);
            assert_eq!(Training::parse(wire).unwrap_err().fields[0].0, field);
        }
    }
}
