//! Training, on a thread of its own for each candidate.

use std::{
    error::Error,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc as blocking,
    },
    thread,
};

use peng_proto::search::Assignment;
use tokio::sync::{mpsc, oneshot};

/// What went wrong, for people.
pub type Cause = Box<dyn Error + Send + Sync>;

/// Trains candidates; shared by the slots of a device.
pub trait Trainer: Send + Sync + 'static {
    /// Makes ready to train a candidate; called on the thread that will train it.
    fn start(&self, assignment: &Assignment) -> Result<Box<dyn Training>, Failure>;

    /// Whether trainings go on from what others have left of them.
    fn continues(&self) -> bool {
        false
    }
}

/// The training of one candidate.
pub trait Training {
    /// How many epochs were trained before the checkpoint that it goes on from; 0 for none.
    fn begins_at(&self) -> f64 {
        0.0
    }

    /// Trains to the next measurement and makes it. `interrupted` is to be asked every few
    /// batches; once it holds, the answer is `None`. Not called again after that, nor after a
    /// value that is not finite. A training that goes on from a checkpoint gives its earlier
    /// observations first, one a call.
    fn advance(&mut self, interrupted: &dyn Fn() -> bool) -> Result<Option<Observation>, Failure>;

    /// The last call: nothing more is trained.
    fn close(&mut self, closing: Closing);
}

/// What is to become of a training that has ended or is interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// Someone is to go on with it: it is saved, where there is a place for it.
    Save,
    /// Someone else has the candidate: what is saved is left as it is.
    Leave,
    /// The candidate is settled: nothing needs to be saved any more.
    Settled {
        /// Whether its network is worth keeping.
        trained: bool,
    },
}

/// A measurement of a trial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// Epochs trained, above 0.
    pub epoch: f64,
    /// The metric on the validation images, in the experiment's unit; not finite if the training
    /// diverged.
    pub value: f64,
    /// Mean loss over the images since the last one.
    pub loss: f64,
    /// Images trained on since the last one.
    pub images: usize,
    /// Wall time since the last one in seconds, validation included.
    pub seconds: f64,
}

/// Why a training cannot start or go on.
#[derive(Debug)]
pub enum Failure {
    /// The candidate is at fault: another attempt would fail like this one.
    Candidate(Cause),
    /// The worker is at fault: the candidate is given back, and the slot ends.
    Worker(Cause),
}

/// A training on its thread. It waits after each observation until it is told to go on, and ends
/// at the next batch once this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    /// How many epochs it begins with.
    begun: Option<oneshot::Receiver<f64>>,
    observations: mpsc::Receiver<Result<Observation, Failure>>,
    turns: blocking::Sender<Turn>,
    interrupted: Arc<AtomicBool>,
}

/// What a training is told.
#[derive(Debug)]
enum Turn {
    GoOn,
    Close(Closing),
}

impl Running {
    pub(crate) fn start(trainer: Arc<dyn Trainer>, assignment: Assignment) -> io::Result<Self> {
        let (report, observations) = mpsc::channel(1);
        let (turns, turn) = blocking::channel();
        let (begins, begun) = oneshot::channel();
        let interrupted = Arc::new(AtomicBool::new(false));
        let flag = interrupted.clone();
        let name = format!("train-{}", assignment.candidate.id);
        thread::Builder::new().name(name).spawn(move || {
            let interrupted = || flag.load(Ordering::Relaxed);
            match trainer.start(&assignment) {
                Ok(training) => {
                    let epochs = assignment.training.epochs.into();
                    // Not everyone waits for it.
                    let _ = begins.send(training.begins_at());
                    train(training, epochs, &interrupted, &report, &turn);
                }
                // Nobody listens after an interruption.
                Err(failure) => drop(report.blocking_send(Err(failure))),
            }
        })?;
        Ok(Self {
            begun: Some(begun),
            observations,
            turns,
            interrupted,
        })
    }

    /// How many epochs were trained before it began. `None` where it does not begin, which
    /// [`Self::next`] tells more of, or was asked before.
    pub(crate) async fn begins_at(&mut self) -> Option<f64> {
        let epochs = self.begun.as_mut()?.await.ok();
        self.begun = None;
        epochs
    }

    /// The next observation. `None` if the thread ended without a word: by a panic.
    pub(crate) async fn next(&mut self) -> Option<Result<Observation, Failure>> {
        self.observations.recv().await
    }

    /// Lets the training go on to its next observation.
    pub(crate) fn go_on(&self) {
        // The thread may have ended; its last word is in the channel.
        let _ = self.turns.send(Turn::GoOn);
    }

    /// Ends the training before its next batch.
    pub(crate) fn interrupt(&self) {
        self.interrupted.store(true, Ordering::Relaxed);
    }

    /// Interrupts and closes the training, and waits until that is done.
    pub(crate) async fn close(mut self, closing: Closing) {
        self.interrupt();
        let _ = self.turns.send(Turn::Close(closing));
        while self.observations.recv().await.is_some() {}
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.interrupt();
    }
}

fn train(
    mut training: Box<dyn Training>,
    epochs: f64,
    interrupted: &dyn Fn() -> bool,
    report: &mpsc::Sender<Result<Observation, Failure>>,
    turn: &blocking::Receiver<Turn>,
) {
    let mut goes_on = true;
    loop {
        if goes_on {
            let told = match training.advance(interrupted) {
                Ok(Some(observation)) => {
                    goes_on = observation.value.is_finite() && observation.epoch < epochs;
                    report.blocking_send(Ok(observation))
                }
                Ok(None) => {
                    goes_on = false;
                    Ok(())
                }
                Err(failure) => {
                    goes_on = false;
                    report.blocking_send(Err(failure))
                }
            };
            // Nobody holds the training any more.
            if told.is_err() {
                return;
            }
        }
        match turn.recv() {
            Ok(Turn::GoOn) => {}
            Ok(Turn::Close(closing)) => return training.close(closing),
            Err(_) => return,
        }
    }
}
