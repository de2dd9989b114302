//! Training: from one measurement of the validation accuracy to the next.

mod augment;
mod average;
pub mod checkpoint;
mod optimizer;
mod settings;

use std::time::Instant;

use peng_search::Network;
use peng_search::macro_space::Input;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Reduction, TchError, Tensor};

pub use augment::Augmentation;
pub use settings::{Error as SettingsError, Precision, Rule, Schedule, Settings};

use self::average::Average;
use self::optimizer::Optimizer;
use crate::dataset::split::Split;
use crate::dataset::{Dataset, size};
use crate::memory::GiveBack;
use crate::net::{self, Net, Pass};
use crate::random::{self, Purpose};

/// Images in a batch while accuracy is measured.
const VALIDATION_BATCH: i64 = 250;

/// The training of one network, stepped by whoever holds it.
#[derive(Debug)]
pub struct Training {
    network: Network,
    net: Net,
    split: Split,
    settings: Settings,
    optimizer: Optimizer,
    average: Option<Average>,
    seed: u64,
    place: Place,
    /// The order of the images in the epoch under way.
    order: Vec<i64>,
    /// Loss summed since the last measurement, on the device: asking for it would stall it.
    loss: Tensor,
    measured: Vec<Measurement>,
    /// Dropped last.
    _memory: GiveBack,
}

/// Where a training stands.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Place {
    /// Epochs done.
    epoch: u32,
    /// Measurements done in the epoch under way.
    part: u32,
    /// Batches done in it.
    batch: usize,
    /// Batches since the last measurement.
    since: usize,
    /// Wall time since the last measurement.
    seconds: f64,
}

/// What a measurement gave.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// Epochs trained, above 0; not whole where more than one measurement is made in an epoch.
    pub epoch: f64,
    /// Mean cross-entropy over the images since the last one; not finite if the training diverged.
    pub loss: f64,
    /// Accuracy on the validation images in percent, 0 to 100; NaN if the training diverged.
    pub accuracy: f64,
    /// Images trained on since the last one.
    pub images: usize,
    /// Wall time since the last one in seconds, validation included.
    pub seconds: f64,
}

impl Measurement {
    /// Whether the loss stopped being a number.
    pub fn diverged(&self) -> bool {
        !self.loss.is_finite()
    }
}

/// How a call to [`Training::advance`] ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// With a measurement.
    Done(Measurement),
    /// It was interrupted between two batches; the next call goes on from there.
    Paused,
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
    Net(#[from] net::Error),
}

impl From<TchError> for Error {
    fn from(error: TchError) -> Self {
        Self::Net(error.into())
    }
}

impl Training {
    /// Builds the network on `device`; images that are elsewhere are brought there batch by batch.
    /// The candidate's `seed` decides initial weights, the order of images, augmentations and
    /// dropout: the same seed, settings, device and number of threads give the same accuracies.
    pub fn new(
        network: &Network,
        split: Split,
        settings: Settings,
        seed: u64,
        device: Device,
    ) -> Result<Self, Error> {
        settings.check(split.train.len())?;
        let net = Net::new(network, seed, device)?;
        check_shape(&net, &split.train)?;
        let optimizer = Optimizer::new(net.trainable(), &settings)?;
        let average = if settings.averaging > 0.0 {
            Some(Average::new(network, &net, device, settings.averaging)?)
        } else {
            None
        };
        Ok(Self {
            network: network.clone(),
            net,
            split: split.normalising_on(device)?,
            settings,
            optimizer,
            average,
            seed,
            place: Place::default(),
            order: Vec::new(),
            loss: Tensor::f_zeros([], (Kind::Double, device))?,
            measured: Vec::new(),
            _memory: GiveBack,
        })
    }

    /// The network as trained so far, with averaged weights if the settings ask for them: the one
    /// that is measured.
    pub fn net(&self) -> &Net {
        self.average.as_ref().map_or(&self.net, Average::net)
    }

    /// The images it trains and is measured on.
    pub fn split(&self) -> &Split {
        &self.split
    }

    /// All measurements so far.
    pub fn measured(&self) -> &[Measurement] {
        &self.measured
    }

    /// Trains to the next measurement and makes it. `interrupted` is asked before every batch.
    pub fn advance(&mut self, interrupted: &dyn Fn() -> bool) -> Result<Step, Error> {
        self.advance_until(interrupted, &|| false)
    }

    /// The same, with pauses also where one is `due`, which is asked before every batch that is
    /// trained on. A measurement that is under way is made first: it would begin anew after a
    /// pause, and never end if pauses were due more often than it takes.
    pub fn advance_until(
        &mut self,
        interrupted: &dyn Fn() -> bool,
        due: &dyn Fn() -> bool,
    ) -> Result<Step, Error> {
        if self.place.epoch >= self.settings.epochs {
            return Err(Error::Finished(self.settings.epochs));
        }
        let start = Instant::now();
        let measured = self.next_measurement(interrupted, due);
        self.place.seconds += start.elapsed().as_secs_f64();
        let Some((loss, accuracy)) = measured? else {
            return Ok(Step::Paused);
        };
        let Place {
            epoch,
            part,
            since,
            seconds,
            ..
        } = self.place;
        let parts = self.settings.validations;
        let whole = part + 1 == parts;
        let measurement = Measurement {
            epoch: if whole {
                f64::from(epoch + 1)
            } else {
                f64::from(epoch) + f64::from(part + 1) / f64::from(parts)
            },
            loss,
            accuracy,
            images: since * self.settings.batch,
            seconds,
        };
        self.place = Place {
            epoch: if whole { epoch + 1 } else { epoch },
            part: if whole { 0 } else { part + 1 },
            batch: if whole { 0 } else { self.place.batch },
            since: 0,
            seconds: 0.0,
        };
        self.loss = self.loss.f_zeros_like()?;
        self.measured.push(measurement);
        Ok(Step::Done(measurement))
    }

    /// Loss and accuracy of the next measurement; `None` if interrupted.
    fn next_measurement(
        &mut self,
        interrupted: &dyn Fn() -> bool,
        due: &dyn Fn() -> bool,
    ) -> Result<Option<(f64, f64)>, Error> {
        let batches = self.split.train.len() / self.settings.batch;
        let (part, parts) = (self.place.part as usize, self.settings.validations as usize);
        let end = batches * (part + 1) / parts;
        if self.order.is_empty() || self.place.batch == 0 {
            let order = random::stream(self.seed, Purpose::Order, self.place.epoch.into());
            self.order = random::permutation(self.split.train.len(), order);
        }
        while self.place.batch < end {
            if interrupted() || due() {
                return Ok(None);
            }
            self.batch(batches)?;
        }
        let loss = self.loss.f_double_value(&[])? / self.place.since as f64;
        if !loss.is_finite() {
            return Ok(Some((loss, f64::NAN)));
        }
        let accuracy = self.accuracy(&self.split.validation, interrupted)?;
        Ok(accuracy.map(|accuracy| (loss, accuracy)))
    }

    /// One step on the next batch; images that do not fill the last one are left out.
    fn batch(&mut self, batches: usize) -> Result<(), Error> {
        let Place { epoch, batch, .. } = self.place;
        let settings = &self.settings;
        let (train, device) = (&self.split.train, self.net.device());
        let index = (u64::from(epoch) << 32) + batch as u64;
        let start = batch * settings.batch;
        let places = &self.order[start..start + settings.batch];
        let places = Tensor::f_from_slice(places)?.f_to_device(train.images().device())?;
        let labels = train.labels().f_index_select(0, &places)?;
        let images = train.images().f_index_select(0, &places)?;
        let images = images.f_to_device(device)?;
        let mut chance = random::stream(self.seed, Purpose::Augmentation, index);
        let images = settings.augmentation.apply(images, &mut chance)?;
        let mut chance = random::stream(self.seed, Purpose::Dropout, index);
        let mut pass = settings.pass().training(&mut chance);
        let scores = self.net.run(&mut pass, &self.split.normalised(&images)?)?;
        let loss = scores.f_cross_entropy_loss(
            &labels.f_to_device(device)?,
            None::<&Tensor>,
            Reduction::Mean,
            -100,
            settings.label_smoothing,
        )?;
        let done = f64::from(epoch) + batch as f64 / batches as f64;
        self.optimizer.step(&loss, settings.rate(done))?;
        if let Some(average) = &mut self.average {
            average.update()?;
        }
        self.loss = self.loss.f_add(&loss.f_detach()?)?;
        self.place.batch += 1;
        self.place.since += 1;
        Ok(())
    }

    /// Accuracy in percent on images of the same kind, 0 to 100; `None` if interrupted.
    pub fn accuracy(
        &self,
        dataset: &Dataset,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Option<f64>, Error> {
        let normalised = |images: &Tensor| self.split.normalised(images);
        let pass = || self.settings.pass();
        Ok(accuracy(
            self.net(),
            dataset,
            &normalised,
            &pass,
            interrupted,
        )?)
    }
}

/// Accuracy in percent of a network on images that `normalised` makes fit for it.
pub(crate) fn accuracy(
    net: &Net,
    dataset: &Dataset,
    normalised: &dyn Fn(&Tensor) -> Result<Tensor, TchError>,
    pass: &dyn Fn() -> Pass<'static>,
    interrupted: &dyn Fn() -> bool,
) -> Result<Option<f64>, net::Error> {
    let _guard = tch::no_grad_guard();
    let device = net.device();
    let mut correct = Tensor::f_zeros([], (Kind::Int64, device))?;
    let total = size(dataset.len());
    let mut start = 0;
    while start < total {
        if interrupted() {
            return Ok(None);
        }
        let length = VALIDATION_BATCH.min(total - start);
        let images = dataset.images().f_narrow(0, start, length)?;
        let labels = dataset.labels().f_narrow(0, start, length)?;
        let images = normalised(&images.f_to_device(device)?)?;
        let guesses = net.run(&mut pass(), &images)?.f_argmax(1, false)?;
        let hits = guesses.f_eq_tensor(&labels.f_to_device(device)?)?;
        correct = correct.f_add(&hits.f_sum(Kind::Int64)?)?;
        start += length;
    }
    Ok(Some(100.0 * correct.f_double_value(&[])? / total as f64))
}

/// Whether the network is one for these images.
pub(crate) fn check_shape(net: &Net, images: &Dataset) -> Result<(), Error> {
    let (input, found) = (net.input(), images.input());
    if input == found && net.classes() == images.classes() {
        return Ok(());
    }
    let text = |input: Input, classes: usize| {
        let (channels, height, width) = (input.channels, input.height, input.width);
        format!("images of {channels} x {height} x {width} in {classes} classes")
    };
    Err(Error::Shape {
        network: text(input, net.classes()),
        images: text(found, images.classes()),
    })
}
