//! The images that this process has, loaded once for all candidates.

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use peng_nets::{
    Device,
    dataset::{
        Check, Parts, source,
        split::{Sizes, Split},
    },
};
use peng_proto::search::Training as Plan;
use peng_search::macro_space::Input;

/// Data sets in a folder.
pub(crate) struct Stock {
    folder: PathBuf,
    check: Check,
    shelf: Mutex<Shelf>,
}

/// What was used last: every candidate of a search has the same.
#[derive(Default)]
struct Shelf {
    loaded: Option<(String, Input, Parts)>,
    splits: Vec<(Wish, Split)>,
}

/// A split on a device.
#[derive(Debug, Clone, PartialEq)]
struct Wish {
    sizes: Sizes,
    seed: u64,
    device: Device,
}

impl Stock {
    /// Nothing is read before the first candidate names its data set.
    pub(crate) fn new(folder: PathBuf, check: Check) -> Self {
        Self {
            folder,
            check,
            shelf: Mutex::default(),
        }
    }

    /// The split that the plan asks for, of images of the shape `input`: on the device where it
    /// fits, else in main memory.
    pub(crate) fn split(&self, plan: &Plan, input: Input, device: Device) -> anyhow::Result<Split> {
        // What a panicking thread left behind is whole: each field is set at once.
        let mut stored = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        let Shelf { loaded, splits } = &mut *stored;
        let parts = match loaded.take() {
            Some(ready) if ready.0 == plan.dataset && ready.1 == input => ready,
            _ => {
                splits.clear();
                let parts = source::load(&plan.dataset, &self.folder, input, self.check)?;
                let (train, test) = (parts.train.len(), parts.test.len());
                tracing::info!(dataset = plan.dataset, train, test, "loaded");
                (plan.dataset.clone(), input, parts)
            }
        };
        let (.., parts) = loaded.insert(parts);
        let wish = Wish {
            sizes: Sizes {
                train: (plan.train_images > 0).then_some(plan.train_images as usize),
                validation: plan.validation_images as usize,
            },
            seed: plan.split_seed,
            device,
        };
        if let Some((_, ready)) = splits.iter().find(|(made, _)| *made == wish) {
            return Ok(ready.share());
        }
        let made = Split::new(&parts.train, wish.sizes, wish.seed)?;
        let made = made.to_device(device).unwrap_or_else(|error| {
            tracing::warn!(%error, ?device, "the images do not fit on the device");
            made
        });
        // Of another search, which is over.
        splits.retain(|(old, _)| (old.sizes, old.seed) == (wish.sizes, wish.seed));
        let shared = made.share();
        splits.push((wish, made));
        Ok(shared)
    }
}
