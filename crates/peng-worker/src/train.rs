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
use tokio::sync::mpsc;

/// What went wrong, for people.
pub type Cause = Box<dyn Error + Send + Sync>;

/// Trains candidates; shared by all slots.
pub trait Trainer: Send + Sync + 'static {
    /// Makes ready to train a candidate; called on the thread that will train it.
    fn start(&self, assignment: &Assignment) -> Result<Box<dyn Training>, Failure>;
}

/// The training of one candidate.
pub trait Training {
    /// Trains one more epoch and measures. `cancelled` is to be asked every few batches; once it
    /// holds, the answer is `None`. Not called again after that, nor after a value that is not
    /// finite.
    fn epoch(&mut self, cancelled: &dyn Fn() -> bool) -> Result<Option<Epoch>, Failure>;
}

/// What one epoch gave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Epoch {
    /// The epoch, from 1.
    pub number: u32,
    /// The metric on the validation images, in the experiment's unit; not finite if the training
    /// diverged.
    pub value: f64,
    /// Mean loss over the epoch's images.
    pub loss: f64,
    /// Images trained on.
    pub images: usize,
    /// Wall time in seconds, validation included.
    pub seconds: f64,
}

/// Why a training cannot start or go on.
#[derive(Debug)]
pub enum Failure {
    /// The candidate is at fault: another attempt would fail like this one.
    Candidate(Cause),
    /// The worker is at fault: the candidate is given back, and the worker leaves.
    Worker(Cause),
}

/// A training on its thread. It waits after each epoch until it is told to go on, and ends at
/// the next batch once this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    epochs: mpsc::Receiver<Result<Epoch, Failure>>,
    turns: blocking::Sender<()>,
    cancelled: Arc<AtomicBool>,
}

impl Running {
    pub(crate) fn start(trainer: Arc<dyn Trainer>, assignment: Assignment) -> io::Result<Self> {
        let (report, epochs) = mpsc::channel(1);
        let (turns, turn) = blocking::channel();
        let cancelled = Arc::new(AtomicBool::new(false));
        let flag = cancelled.clone();
        let name = format!("train-{}", assignment.candidate.id);
        thread::Builder::new().name(name).spawn(move || {
            let cancelled = || flag.load(Ordering::Relaxed);
            if let Err(failure) = train(&*trainer, &assignment, &cancelled, &report, &turn) {
                // Nobody listens after a cancellation.
                let _ = report.blocking_send(Err(failure));
            }
        })?;
        Ok(Self {
            epochs,
            turns,
            cancelled,
        })
    }

    /// The next epoch. `None` if the thread ended without a word: by a panic.
    pub(crate) async fn next(&mut self) -> Option<Result<Epoch, Failure>> {
        self.epochs.recv().await
    }

    /// Lets the training begin its next epoch.
    pub(crate) fn go_on(&self) {
        // The thread may have ended; its last word is in the channel.
        let _ = self.turns.send(());
    }

    /// Ends the training before its next batch, and waits until it has ended.
    pub(crate) async fn cancel(mut self) {
        self.cancelled.store(true, Ordering::Relaxed);
        self.go_on();
        while self.epochs.recv().await.is_some() {}
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }
}

fn train(
    trainer: &dyn Trainer,
    assignment: &Assignment,
    cancelled: &dyn Fn() -> bool,
    report: &mpsc::Sender<Result<Epoch, Failure>>,
    turn: &blocking::Receiver<()>,
) -> Result<(), Failure> {
    let mut training = trainer.start(assignment)?;
    for _ in 0..assignment.training.epochs {
        let Some(epoch) = training.epoch(cancelled)? else {
            return Ok(());
        };
        let diverged = !epoch.value.is_finite();
        if report.blocking_send(Ok(epoch)).is_err() || diverged {
            return Ok(());
        }
        if turn.recv().is_err() || cancelled() {
            return Ok(());
        }
    }
    Ok(())
}
