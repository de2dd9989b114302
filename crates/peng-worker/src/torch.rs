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

#[cfg(test)]
mod tests {
    use std::{fs, time::SystemTime};

    use peng_proto::search::Lease;
    use peng_search::{Space, macro_space};

    use super::*;

    /// Four files in the format of Fashion-MNIST, of images as bright as their class is high.
    fn write(folder: &Path, count: u32) {
        for part in ["train", "t10k"] {
            let labels: Vec<u8> = (0..count).map(|n| (n % 10) as u8).collect();
            let image = |label: &u8| [25 * label; 784];
            let images = labels.iter().flat_map(image);
            let head = |kind: u8, sizes: &[u32]| {
                let sizes = sizes.iter().flat_map(|size| size.to_be_bytes());
                [0, 0, 8, kind]
                    .into_iter()
                    .chain(sizes)
                    .collect::<Vec<u8>>()
            };
            let images: Vec<u8> = head(3, &[count, 28, 28])
                .into_iter()
                .chain(images)
                .collect();
            let file = folder.join(format!("{part}-images-idx3-ubyte"));
            fs::write(file, images).unwrap();
            let file = folder.join(format!("{part}-labels-idx1-ubyte"));
            fs::write(file, [head(1, &[count]), labels].concat()).unwrap();
        }
    }

    fn torch() -> Torch {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), 400);
        Torch::new(folder.path(), Device::Cpu, 1).unwrap()
    }

    fn assignment() -> Assignment {
        let space = Space::new(2, vec![4, 4], fashion_mnist::INPUT, 10).unwrap();
        let genome: macro_space::Genome = "11-11".parse().unwrap();
        Assignment {
            candidate: "searches/s/candidates/c0001".parse().unwrap(),
            lease: Lease {
                token: "t".to_owned(),
                expires: SystemTime::UNIX_EPOCH,
                duration: std::time::Duration::from_secs(1),
            },
            architecture: macro_space::decode(&space, &genome).unwrap(),
            space,
            genome,
            seed: 1,
            attempt: 1,
            training: Plan {
                dataset: DATASET.to_owned(),
                epochs: 2,
                train_images: 300,
                validation_images: 100,
                batch_size: 20,
                learning_rate: 0.1,
                momentum: 0.9,
                weight_decay: 0.0,
                split_seed: 1,
            },
            trial: "experiments/s/trials/c0001-1".parse().unwrap(),
            predictor: None,
        }
    }

    #[test]
    fn a_candidate_trains_the_same_twice_and_is_cancelled() {
        let torch = torch();
        let curve = || {
            let mut training = torch.start(&assignment()).unwrap();
            let mut epoch = || training.epoch(&|| false).unwrap().unwrap();
            [epoch(), epoch()].map(|epoch| (epoch.number, epoch.value.to_bits(), epoch.images))
        };
        let first = curve();
        assert_eq!(first, curve());
        let accuracy = f64::from_bits(first[1].1);
        assert!(accuracy > 15.0, "{accuracy} % is no better than chance");
        let mut training = torch.start(&assignment()).unwrap();
        assert_eq!(training.epoch(&|| true).unwrap(), None);
    }

    type Change = fn(&mut Plan);

    #[test]
    fn what_no_candidate_could_train_with_is_the_workers_fault() {
        let torch = torch();
        let changes: [(&str, Change); 4] = [
            ("it has fashion-mnist, not", |plan| {
                plan.dataset = "cifar-10".to_owned();
            }),
            ("more than the 400", |plan| plan.train_images = 1_000),
            ("batch", |plan| plan.batch_size = 301),
            ("momentum", |plan| plan.momentum = 2.0),
        ];
        for (wrong, change) in changes {
            let mut assignment = assignment();
            change(&mut assignment.training);
            match torch.start(&assignment).err() {
                Some(Failure::Worker(cause)) => {
                    assert!(cause.to_string().contains(wrong), "{cause}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
