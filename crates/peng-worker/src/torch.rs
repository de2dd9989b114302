//! Training on libtorch.

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context, bail};
use peng_nets::{
    Device,
    dataset::{
        Dataset, fashion_mnist,
        split::{Sizes, Split},
    },
    device,
    train::{self as nets, Settings, Step},
};
use peng_proto::search::{Assignment, Training as Plan};
use peng_worker::train::{Epoch, Failure, Trainer, Training};

/// The data set that this worker has, by its id.
const DATASET: &str = "fashion-mnist";

/// Trains networks of the macro space on one device.
pub(crate) struct Torch {
    device: Device,
    threads: usize,
    stock: Mutex<Stock>,
}

/// The images, and the split that was used last: every candidate of a search has the same.
struct Stock {
    images: Dataset,
    split: Option<(Sizes, u64, Split)>,
}

impl Torch {
    /// Loads the data set; `threads` are the CPU threads of one training.
    pub(crate) fn new(data: &Path, device: Device, threads: usize) -> anyhow::Result<Self> {
        let images = fashion_mnist::load(data)?.train;
        Ok(Self {
            device,
            threads,
            stock: Mutex::new(Stock {
                images,
                split: None,
            }),
        })
    }

    /// The split that the plan asks for, on the device.
    fn split(&self, plan: &Plan) -> anyhow::Result<Split> {
        if plan.dataset != DATASET {
            bail!("it has {DATASET}, not {}", plan.dataset);
        }
        let sizes = Sizes {
            train: (plan.train_images > 0).then_some(plan.train_images as usize),
            validation: plan.validation_images as usize,
        };
        let seed = plan.split_seed;
        // What a panicking thread left behind is whole: both fields are set at once.
        let mut stock = self.stock.lock().unwrap_or_else(PoisonError::into_inner);
        let Stock { images, split } = &mut *stock;
        let ready = match split.take() {
            Some(ready) if (ready.0, ready.1) == (sizes, seed) => ready,
            _ => {
                let split = Split::new(images, sizes, seed)?;
                let split = split
                    .to_device(self.device)
                    .context("cannot move the images to the device")?;
                (sizes, seed, split)
            }
        };
        let (.., split) = split.insert(ready);
        Ok(split.to_device(self.device)?)
    }
}

impl Trainer for Torch {
    fn start(&self, assignment: &Assignment) -> Result<Box<dyn Training>, Failure> {
        device::set_threads(self.threads);
        let plan = &assignment.training;
        let split = self
            .split(plan)
            .map_err(|error| Failure::Worker(error.into()))?;
        let settings = Settings {
            epochs: plan.epochs,
            batch: plan.batch_size as usize,
            learning_rate: plan.learning_rate,
            momentum: plan.momentum,
            weight_decay: plan.weight_decay,
            ..Settings::default()
        };
        nets::Training::new(&assignment.architecture, split, settings, assignment.seed)
            .map(|training| Box::new(Run(training)) as Box<dyn Training>)
            .map_err(failure)
    }
}

struct Run(nets::Training);

impl Training for Run {
    fn epoch(&mut self, cancelled: &dyn Fn() -> bool) -> Result<Option<Epoch>, Failure> {
        match self.0.epoch(cancelled).map_err(failure)? {
            Step::Done(epoch) => Ok(Some(Epoch {
                number: epoch.number,
                value: epoch.accuracy,
                loss: epoch.loss,
                images: epoch.images,
                seconds: epoch.seconds,
            })),
            Step::Cancelled => Ok(None),
        }
    }
}

/// Settings and shapes are the same for every candidate, what else goes wrong is this one's.
fn failure(error: nets::Error) -> Failure {
    match error {
        nets::Error::Settings(_) | nets::Error::Shape { .. } => Failure::Worker(error.into()),
        nets::Error::Finished(_) | nets::Error::Net(_) => Failure::Candidate(error.into()),
    }
}
