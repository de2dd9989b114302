//! Signals: the first one makes the worker leave, another one later ends the process. The
//! end of an input that is followed is a first signal.

use std::{
    io,
    process::{self, ExitCode},
    sync::{Arc, OnceLock},
    thread,
    time::Duration,
};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// Signals so close together are one: `timeout` sends one to the worker and one to its group.
const TOGETHER: Duration = Duration::from_millis(500);

/// Why the worker leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM, from whoever runs the worker.
    Terminate,
}

impl Reason {
    /// As shells have it for the first; the second is an order that was carried out.
    const fn code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 0,
        }
    }
}

/// Listens for signals.
#[derive(Debug, Clone)]
pub(crate) struct Shutdown {
    leaving: CancellationToken,
    reason: Arc<OnceLock<Reason>>,
}

impl Shutdown {
    /// Listens from now on; needs a runtime.
    pub(crate) fn listen() -> io::Result<Self> {
        let shutdown = Self {
            leaving: CancellationToken::new(),
            reason: Arc::default(),
        };
        let interrupts = signal(SignalKind::interrupt())?;
        let terminations = signal(SignalKind::terminate())?;
        tokio::spawn(shutdown.clone().watch(interrupts, terminations));
        Ok(shutdown)
    }

    /// Leaves also when `input` ends; whatever it holds is read past.
    pub(crate) fn follow(&self, mut input: impl io::Read + Send + 'static) -> io::Result<()> {
        let shutdown = self.clone();
        let read = move || {
            // A pipe that breaks has ended too.
            let _ = io::copy(&mut input, &mut io::sink());
            tracing::info!("leaves: standard input has ended");
            shutdown.leaving.cancel();
        };
        thread::Builder::new()
            .name("input".to_owned())
            .spawn(read)?;
        Ok(())
    }

    /// Cancelled by the first signal, or the end of the input.
    pub(crate) fn leaving(&self) -> CancellationToken {
        self.leaving.clone()
    }

    /// The exit code of a worker that has done what it was told.
    pub(crate) fn exit_code(&self) -> ExitCode {
        self.reason.get().map_or(0, |reason| reason.code()).into()
    }

    async fn watch(self, mut interrupts: Signal, mut terminations: Signal) {
        let mut first: Option<Instant> = None;
        loop {
            let reason = tokio::select! {
                Some(()) = interrupts.recv() => Reason::Interrupt,
                Some(()) = terminations.recv() => Reason::Terminate,
                else => return,
            };
            let since = first.get_or_insert_with(Instant::now).elapsed();
            if self.reason.set(reason).is_err() {
                if since < TOGETHER {
                    continue;
                }
                tracing::warn!("the second signal: ends at once");
                let code = match reason {
                    Reason::Interrupt => 130,
                    Reason::Terminate => 143,
                };
                process::exit(code);
            }
            tracing::info!(?reason, "leaves; again to end at once");
            self.leaving.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[tokio::test]
    async fn the_end_of_an_input_makes_it_leave() {
        let shutdown = Shutdown::listen().unwrap();
        let (input, mut held) = io::pipe().unwrap();
        shutdown.follow(input).unwrap();
        held.write_all(b"this is not the end").unwrap();
        let leaving = shutdown.leaving();
        assert!(!leaving.is_cancelled());
        drop(held);
        leaving.cancelled().await;
        assert_eq!(
            format!("{:?}", shutdown.exit_code()),
            format!("{:?}", ExitCode::SUCCESS)
        );
    }
}
