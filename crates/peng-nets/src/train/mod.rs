//! Training: one epoch at a time, with the validation accuracy after each.

mod augment;
mod average;
mod settings;

use std::time::Instant;

use peng_search::macro_space::Architecture;
use tch::{Kind, Reduction, TchError, Tensor};

pub use augment::Augmentation;
pub use settings::{Schedule, Settings};

use self::average::Average;
use crate::dataset::split::Split;
use crate::dataset::{Dataset, size};
use crate::macro_net::{self, MacroNet};
use crate::optimizer::Sgd;
use crate::random::{self, Purpose};

/// Images in a batch while accuracy is measured.
const VALIDATION_BATCH: i64 = 250;

/// The training of one network, stepped by whoever holds it.
#[derive(Debug)]
pub struct Training {
    net: MacroNet,
    split: Split,
    settings: Settings,
    optimizer: Sgd,
    average: Option<Average>,
    seed: u64,
    epochs: u32,
}

/// What one epoch gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Epoch {
    /// The epoch, from 1.
    pub number: u32,
    /// Mean cross-entropy over the epoch's images; not finite if the training diverged.
    pub loss: f64,
    /// Accuracy on the validation images in percent, 0 to 100; NaN if the training diverged.
    pub accuracy: f64,
    /// Images trained on in this epoch.
    pub images: usize,
    /// Wall time of the epoch in seconds, validation included.
    pub seconds: f64,
}

impl Epoch {
    /// Whether the loss stopped being a number.
    pub fn diverged(&self) -> bool {
        !self.loss.is_finite()
    }
}

/// How a call to [`Training::epoch`] ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// The epoch is done.
    Done(Epoch),
    /// It was cancelled between two batches; the training cannot go on from here.
    Cancelled,
}

/// Why a training cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting is outside its range.
    #[error("training settings: {0}")]
    Settings(#[from] settings::Error),
    /// The network and the images have different shapes.
    #[error("the network takes {network}, the data set has {images}")]
    Shape {
        /// What the network is made for.
        network: String,
        /// What the images are.
        images: String,
    },
    /// All epochs of the settings are done.
    #[error("all {0} epochs are done")]
    Finished(u32),
    /// The network cannot be built or run.
    #[error("the network failed")]
    Net(#[from] macro_net::Error),
}

impl From<TchError> for Error {
    fn from(error: TchError) -> Self {
        Self::Net(error.into())
    }
}

impl Training {
    /// Builds the network on the device that holds the images. The candidate's `seed` decides
    /// initial weights, the order of images and augmentations: the same seed, settings, device
    /// and number of threads give the same accuracies.
    pub fn new(
        architecture: &Architecture,
        split: Split,
        settings: Settings,
        seed: u64,
    ) -> Result<Self, Error> {
        settings.check(split.train.len())?;
        check_shape(architecture, &split.train)?;
        let device = split.train.images().device();
        let net = MacroNet::new(architecture, seed, device)?;
        let optimizer = Sgd::new(net.trainable(), settings.momentum, settings.weight_decay)?;
        let average = if settings.averaging > 0.0 {
            Some(Average::new(
                architecture,
                &net,
                device,
                settings.averaging,
            )?)
        } else {
            None
        };
        Ok(Self {
            net,
            split,
            settings,
            optimizer,
            average,
            seed,
            epochs: 0,
        })
    }

    /// The network as trained so far, with averaged weights if the settings ask for them: the one
    /// that is measured.
    pub fn net(&self) -> &MacroNet {
        self.average.as_ref().map_or(&self.net, Average::net)
    }

    /// Epochs done.
    pub fn epochs(&self) -> u32 {
        self.epochs
    }

    /// Trains one epoch and measures. `cancelled` is asked before every batch.
    pub fn epoch(&mut self, cancelled: &dyn Fn() -> bool) -> Result<Step, Error> {
        if self.epochs >= self.settings.epochs {
            return Err(Error::Finished(self.settings.epochs));
        }
        let start = Instant::now();
        let Some((loss, images)) = self.pass(cancelled)? else {
            return Ok(Step::Cancelled);
        };
        let accuracy = if !loss.is_finite() {
            f64::NAN
        } else if let Some(accuracy) = self.accuracy(&self.split.validation, cancelled)? {
            accuracy
        } else {
            return Ok(Step::Cancelled);
        };
        self.epochs += 1;
        Ok(Step::Done(Epoch {
            number: self.epochs,
            loss,
            accuracy,
            images,
            seconds: start.elapsed().as_secs_f64(),
        }))
    }

    /// Accuracy in percent on images of the same kind, 0 to 100; `None` if cancelled.
    pub fn accuracy(
        &self,
        dataset: &Dataset,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Option<f64>, Error> {
        let _guard = tch::no_grad_guard();
        let mut correct = Tensor::f_zeros([], (Kind::Int64, dataset.images().device()))?;
        let total = size(dataset.len());
        let mut start = 0;
        while start < total {
            if cancelled() {
                return Ok(None);
            }
            let length = VALIDATION_BATCH.min(total - start);
            let images = self
                .split
                .normalised(&dataset.images().f_narrow(0, start, length)?)?;
            let guesses = self.net().forward(&images, false)?.f_argmax(1, false)?;
            let hits = guesses.f_eq_tensor(&dataset.labels().f_narrow(0, start, length)?)?;
            correct = correct.f_add(&hits.f_sum(Kind::Int64)?)?;
            start += length;
        }
        Ok(Some(100.0 * correct.f_double_value(&[])? / total as f64))
    }

    /// One pass over the training images in an order of its own; images that do not fill the last
    /// batch are left out. Mean loss and number of images, `None` if cancelled.
    fn pass(&mut self, cancelled: &dyn Fn() -> bool) -> Result<Option<(f64, usize)>, Error> {
        let train = &self.split.train;
        let device = train.images().device();
        let epoch = u64::from(self.epochs);
        let order = random::stream(self.seed, Purpose::Order, epoch);
        let order = random::permutation(train.len(), order);
        let mut chance = random::stream(self.seed, Purpose::Augmentation, epoch);
        let batches = train.len() / self.settings.batch;
        // Summed on the device: asking for every loss would stall it after every batch.
        let mut total = Tensor::f_zeros([], (Kind::Double, device))?;
        for (index, places) in order.chunks_exact(self.settings.batch).enumerate() {
            if cancelled() {
                return Ok(None);
            }
            let places = Tensor::f_from_slice(places)?.f_to_device(device)?;
            let labels = train.labels().f_index_select(0, &places)?;
            let images = train.images().f_index_select(0, &places)?;
            let images = self.settings.augmentation.apply(images, &mut chance)?;
            let scores = self.net.forward(&self.split.normalised(&images)?, true)?;
            let loss = scores.f_cross_entropy_loss(
                &labels,
                None::<&Tensor>,
                Reduction::Mean,
                -100,
                self.settings.label_smoothing,
            )?;
            let done = f64::from(self.epochs) + index as f64 / batches as f64;
            self.optimizer.step(&loss, self.settings.rate(done))?;
            if let Some(average) = &mut self.average {
                average.update()?;
            }
            total = total.f_add(&loss.f_detach()?)?;
        }
        let loss = total.f_double_value(&[])? / batches as f64;
        Ok(Some((loss, batches * self.settings.batch)))
    }
}

fn check_shape(architecture: &Architecture, images: &Dataset) -> Result<(), Error> {
    let (input, found) = (architecture.input, images.input());
    if input == found && architecture.classes == images.classes() {
        return Ok(());
    }
    let text = |input: peng_search::macro_space::Input, classes: usize| {
        let (channels, height, width) = (input.channels, input.height, input.width);
        format!("images of {channels} x {height} x {width} in {classes} classes")
    };
    Err(Error::Shape {
        network: text(input, architecture.classes),
        images: text(found, images.classes()),
    })
}
