//! The flags that say how each candidate is trained.

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use peng_proto::search::{Method, Optimizer, Precision, Schedule, Training};
use peng_search::macro_space::Input;

use crate::exit::Failure;

/// How each candidate is trained.
#[derive(Debug, Args)]
#[command(next_help_heading = "Training")]
pub(super) struct TrainingArgs {
    /// The data set: fashion-mnist, cifar-10, cifar-100, svhn, or the name of a folder of images by
    /// class inside --data, with --image and --classes
    #[arg(long, value_name = "ID", default_value = "fashion-mnist")]
    dataset: String,
    /// The shape of the images of another data set
    #[arg(long, value_name = "CxHxW", value_parser = image)]
    image: Option<Input>,
    /// The classes of another data set
    #[arg(long, value_name = "N")]
    classes: Option<usize>,
    /// Epochs of a whole training
    #[arg(long, value_name = "N", default_value_t = 12)]
    epochs: u32,
    /// Images of the training split; 0 takes all that validation leaves
    #[arg(long, value_name = "N", default_value_t = 6_000)]
    train_images: u32,
    /// Images of the validation split
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    validation_images: u32,
    /// Images of a step
    #[arg(long, value_name = "N", default_value_t = 32)]
    batch_size: u32,
    /// The highest learning rate
    #[arg(
        long,
        value_name = "RATE",
        allow_negative_numbers = true,
        default_value_t = 0.02
    )]
    learning_rate: f64,
    /// The momentum of SGD
    #[arg(
        long,
        value_name = "SHARE",
        allow_negative_numbers = true,
        default_value_t = 0.9
    )]
    momentum: f64,
    /// L2 penalty on the weights
    #[arg(
        long,
        value_name = "RATE",
        allow_negative_numbers = true,
        default_value_t = 5e-4
    )]
    weight_decay: f64,
    /// The seed of the split into training and validation
    #[arg(long, value_name = "N", default_value_t = 0)]
    split_seed: u64,
    #[command(flatten)]
    method: MethodArgs,
}

/// By what method.
#[derive(Debug, Args)]
#[command(next_help_heading = "Training")]
struct MethodArgs {
    /// What takes the steps
    #[arg(long, value_enum, default_value_t = OptimizerName::Sgd)]
    optimizer: OptimizerName,
    /// How the learning rate falls: cosine (to 0), constant, or step:EVERY:FACTOR in epochs
    #[arg(long, value_name = "SHAPE", default_value = "cosine", value_parser = schedule)]
    schedule: Schedule,
    /// Epochs over which the learning rate first rises
    #[arg(long, value_name = "EPOCHS", default_value_t = 0.0)]
    warm_up: f64,
    /// Share of the target spread over all classes
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    label_smoothing: f64,
    /// Longest gradient; 0 means no limit
    #[arg(long, value_name = "NORM", default_value_t = 0.0)]
    clip_norm: f64,
    /// Furthest random shift of an image in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 0)]
    shift: u8,
    /// Mirror images at random
    #[arg(long)]
    flip: bool,
    /// Side of a square of each image that is blackened at random
    #[arg(long, value_name = "PIXELS", default_value_t = 0)]
    cutout: u8,
    /// Compute in 16-bit brain floats on GPUs
    #[arg(long)]
    bfloat16: bool,
    /// Measurements in each epoch
    #[arg(long, value_name = "N", default_value_t = 1)]
    validations: u32,
    /// Share that the moving average of the weights keeps at every step; 0 measures the weights
    /// themselves
    #[arg(long, value_name = "SHARE", default_value_t = 0.97)]
    averaging: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OptimizerName {
    /// Stochastic gradient descent with Nesterov momentum
    Sgd,
    /// Adam
    Adam,
    /// Adam with decoupled weight decay
    Adamw,
}

/// The shape of the images of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// Of one image.
    pub(super) input: Input,
    /// Number of classes.
    pub(super) classes: usize,
}

impl TrainingArgs {
    /// The training, checked.
    pub(super) fn training(&self) -> Result<Training, Failure> {
        let training = Training {
            dataset: self.dataset.clone(),
            epochs: self.epochs,
            train_images: self.train_images,
            validation_images: self.validation_images,
            batch_size: self.batch_size,
            learning_rate: self.learning_rate,
            momentum: self.momentum,
            weight_decay: self.weight_decay,
            split_seed: self.split_seed,
            method: self.method.method(),
        };
        training.check().map_err(Failure::input)?;
        Ok(training)
    }

    /// The shape of the data set's images; `None` where only the worker knows.
    pub(super) fn shape(&self) -> Result<Option<Shape>, Failure> {
        let known = match self.dataset.as_str() {
            "fashion-mnist" => Some((1, 28, 10)),
            "cifar-10" | "svhn" => Some((3, 32, 10)),
            "cifar-100" => Some((3, 32, 100)),
            _ => None,
        };
        let known = known.map(|(channels, side, classes)| Shape {
            input: Input {
                channels,
                height: side,
                width: side,
            },
            classes,
        });
        match (known, self.image, self.classes) {
            (None, Some(input), Some(classes)) => Ok(Some(Shape { input, classes })),
            (known, None, None) => Ok(known),
            (Some(_), ..) => {
                let dataset = &self.dataset;
                let wrong = anyhow!("--image and --classes are known of {dataset}: leave them out");
                Err(Failure::Input(wrong))
            }
            (None, ..) => {
                let wrong = anyhow!("--image and --classes are needed together");
                Err(Failure::Input(wrong))
            }
        }
    }
}

impl MethodArgs {
    fn method(&self) -> Method {
        Method {
            optimizer: match self.optimizer {
                OptimizerName::Sgd => Optimizer::Sgd,
                OptimizerName::Adam => Optimizer::Adam,
                OptimizerName::Adamw => Optimizer::Adamw,
            },
            schedule: self.schedule,
            warm_up_epochs: self.warm_up,
            label_smoothing: self.label_smoothing,
            clip_norm: self.clip_norm,
            shift: self.shift,
            flip: self.flip,
            cutout: self.cutout,
            precision: if self.bfloat16 {
                Precision::Bfloat16
            } else {
                Precision::Float32
            },
            validations_per_epoch: self.validations,
            averaging: self.averaging,
        }
    }
}

fn image(text: &str) -> Result<Input, String> {
    let sides: Vec<usize> = text.split('x').flat_map(str::parse).collect();
    match (sides.as_slice(), text.split('x').count()) {
        (&[channels, height, width], 3) => Ok(Input {
            channels,
            height,
            width,
        }),
        _ => Err("channels, height and width as in 3x64x64 would be right".to_owned()),
    }
}

fn schedule(text: &str) -> Result<Schedule, String> {
    let parts: Vec<&str> = text.split(':').collect();
    match parts.as_slice() {
        ["constant"] => Ok(Schedule::Constant),
        ["cosine"] => Ok(Schedule::Cosine),
        ["step", every, factor] => match (every.parse(), factor.parse()) {
            (Ok(every_epochs), Ok(factor)) => Ok(Schedule::Step {
                every_epochs,
                factor,
            }),
            _ => Err("numbers as in step:5:0.1 would be right".to_owned()),
        },
        _ => Err("cosine, constant or step:EVERY:FACTOR would be right".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_and_schedules_are_read() {
        let input = image("3x64x48").unwrap();
        assert_eq!((input.channels, input.height, input.width), (3, 64, 48));
        assert!(image("3x64").is_err() && image("3x64xa").is_err() && image("1x2x3x4").is_err());
        let step = Schedule::Step {
            every_epochs: 5.0,
            factor: 0.1,
        };
        assert_eq!(schedule("step:5:0.1"), Ok(step));
        assert_eq!(schedule("constant"), Ok(Schedule::Constant));
        assert!(schedule("step:5").is_err() && schedule("linear").is_err());
    }
}
