//! What a command ends with.

use std::{error::Error, fmt, io, process::ExitCode};

/// How a command ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It did what it was asked: exit code 0.
    Done,
    /// A person or the system asked it to leave: exit code 130, as of SIGINT.
    Interrupted,
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Done => Self::SUCCESS,
            Ending::Interrupted => Self::from(130),
        }
    }
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What it was given cannot be right: exit code 2, as of clap's usage errors.
    Input(anyhow::Error),
    /// Anything else: exit code 1.
    Failed(anyhow::Error),
}

impl Failure {
    /// What it was given cannot be right.
    pub(crate) fn input(error: impl Into<anyhow::Error>) -> Self {
        Self::Input(error.into())
    }

    fn error(&self) -> &anyhow::Error {
        match self {
            Self::Input(error) | Self::Failed(error) => error,
        }
    }

    /// Whether the reader of the output left, which is no failure: `peng4nn predict .. | head`.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        self.error().chain().any(is_broken_pipe)
    }
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        for error in self.error().chain() {
            let more = error.to_string();
            // Some errors say what lies behind them in their own words, too.
            if text.is_empty() {
                text = more;
            } else if !text.contains(&more) {
                text = format!("{text}: {more}");
            }
        }
        f.write_str(&text)
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Failure> for ExitCode {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Input(_) => Self::from(2),
            Failure::Failed(_) => Self::FAILURE,
        }
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn what_lies_behind_is_said_once() {
        let error = anyhow!("refused").context("cannot connect: refused");
        let failure = Failure::Failed(error.context("no answer"));
        assert_eq!(failure.to_string(), "no answer: cannot connect: refused");
    }
}
