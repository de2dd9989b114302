//! Training on libtorch.

mod keep;
mod plan;
mod run;
mod stock;

use peng_nets::{Device, device, train as nets};
use peng_proto::search::Assignment;
use peng_worker::train::{Failure, Trainer, Training};

pub(crate) use keep::Keep;
pub(crate) use stock::Stock;

use run::Run;

/// Trains networks on one device.
pub(crate) struct Torch {
    /// Where.
    pub(crate) device: Device,
    /// CPU threads of one training.
    pub(crate) threads: usize,
    /// The images.
    pub(crate) stock: Stock,
    /// Where checkpoints and networks are kept.
    pub(crate) keep: Keep,
}

impl Trainer for Torch {
    fn start(&self, assignment: &Assignment) -> Result<Box<dyn Training>, Failure> {
        device::set_threads(self.threads);
        let plan = &assignment.training;
        let Some(input) = assignment.space.input() else {
            let wrong = "the space is described in a file: its candidates need a worker that knows \
                         what the values mean";
            return Err(Failure::Worker(wrong.into()));
        };
        let split = self.stock.split(plan, input, self.device);
        let split = split.map_err(|error| Failure::Worker(error.into()))?;
        let settings = plan::settings(plan, &assignment.network, self.device);
        let training = nets::Training::new(
            &assignment.network,
            split,
            settings,
            assignment.seed,
            self.device,
        );
        let training = training.map_err(failure)?;
        Ok(Box::new(Run::new(training, assignment, self.keep.clone())))
    }

    fn continues(&self) -> bool {
        self.keep.checkpoints.is_some()
    }
}

/// Settings and shapes are the same for every candidate, what else goes wrong is this one's: above
/// all, a network that does not fit into memory.
fn failure(error: nets::Error) -> Failure {
    match error {
        nets::Error::Settings(_) | nets::Error::Shape { .. } => Failure::Worker(error.into()),
        nets::Error::Finished(_) | nets::Error::Net(_) => Failure::Candidate(error.into()),
    }
}

#[cfg(test)]
mod tests;
