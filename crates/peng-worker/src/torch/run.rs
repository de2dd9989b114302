//! The training of one candidate, with its checkpoints.

use std::{cell::Cell, collections::VecDeque, path::PathBuf, time::Instant};

use peng_nets::{
    export::{self, Origin},
    train::{self as nets, Measurement, Step, checkpoint},
};
use peng_proto::search::Assignment;
use peng_worker::train::{Closing, Failure, Observation, Training};

use super::{Keep, failure};

pub(super) struct Run {
    training: nets::Training,
    assignment: Assignment,
    keep: Keep,
    /// Measurements from before the checkpoint, to be told once more.
    earlier: VecDeque<Measurement>,
    checkpoint: Option<PathBuf>,
    /// When it was last written.
    saved: Instant,
}

impl Run {
    /// Goes on from the candidate's checkpoint, if there is one that fits.
    pub(super) fn new(mut training: nets::Training, assignment: &Assignment, keep: Keep) -> Self {
        let checkpoint = keep.checkpoint(assignment);
        if let Some(folder) = &checkpoint {
            match training.resume(folder) {
                Ok(true) => {
                    let epochs = training.measured().last().map_or(0.0, |last| last.epoch);
                    tracing::info!(epochs, folder = %folder.display(), "goes on from a checkpoint");
                }
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "a checkpoint is of no use; starts anew"),
            }
        }
        Self {
            earlier: training.measured().iter().copied().collect(),
            training,
            assignment: assignment.clone(),
            keep,
            checkpoint,
            saved: Instant::now(),
        }
    }

    /// Writes a checkpoint. A training goes on without.
    fn save(&mut self) {
        let Some(folder) = &self.checkpoint else {
            return;
        };
        let writer = format!("a{}", self.assignment.attempt);
        match self.training.save(folder, &writer) {
            Ok(()) => tracing::debug!(folder = %folder.display(), "saved"),
            Err(error) => {
                let error = anyhow::Error::from(error);
                tracing::warn!(error = %format!("{error:#}"), "no checkpoint could be written");
            }
        }
        self.saved = Instant::now();
    }

    /// Writes the network, if it is among the best so far.
    fn export(&self) {
        let Some(folder) = self.keep.networks(&self.assignment) else {
            return;
        };
        let origin = Origin {
            dataset: self.assignment.training.dataset.clone(),
            space: self.assignment.space.clone(),
            genome: self.assignment.genome.clone(),
            seed: self.assignment.seed,
        };
        let name = self.assignment.candidate.id.as_str();
        match export::write(&self.training, origin, &folder, name) {
            Ok(_) => self.keep.prune(&folder),
            Err(error) => {
                let error = anyhow::Error::from(error);
                tracing::warn!(error = %format!("{error:#}"), "the network could not be written");
            }
        }
    }
}

impl Training for Run {
    fn begins_at(&self) -> f64 {
        self.earlier.back().map_or(0.0, |measured| measured.epoch)
    }

    fn advance(&mut self, interrupted: &dyn Fn() -> bool) -> Result<Option<Observation>, Failure> {
        if let Some(measured) = self.earlier.pop_front() {
            return Ok(Some(observation(&measured)));
        }
        loop {
            let (saved, every) = (self.saved, self.keep.every);
            let kept = self.checkpoint.is_some();
            // At least one batch lies between two checkpoints.
            let asked = Cell::new(false);
            let is_due = || asked.replace(true) && kept && saved.elapsed() >= every;
            let step = self.training.advance_until(interrupted, &is_due);
            match step.map_err(failure)? {
                Step::Done(measured) => return Ok(Some(observation(&measured))),
                Step::Paused if interrupted() => return Ok(None),
                Step::Paused => self.save(),
            }
        }
    }

    fn close(&mut self, closing: Closing) {
        match closing {
            Closing::Save => self.save(),
            Closing::Leave => {}
            Closing::Settled { trained } => {
                if trained && !self.training.measured().is_empty() {
                    self.export();
                }
                let removed = self.checkpoint.as_deref().map(checkpoint::remove);
                if let Some(Err(error)) = removed {
                    tracing::warn!(%error, "a checkpoint could not be removed");
                }
            }
        }
    }
}

fn observation(measured: &Measurement) -> Observation {
    Observation {
        epoch: measured.epoch,
        value: measured.accuracy,
        loss: measured.loss,
        images: measured.images,
        seconds: measured.seconds,
    }
}
