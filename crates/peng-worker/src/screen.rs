//! What people see while the worker works: on a terminal a line for each slot with the log above
//! them, elsewhere the log alone.

use std::{
    io::{self, IsTerminal, Write, stderr},
    sync::Arc,
    time::Duration,
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use peng_worker::progress::Show;

use crate::{
    args::{Args, LogFormat},
    told::Told,
};

/// Standard error.
#[derive(Debug, Clone)]
pub(crate) struct Screen {
    lines: Option<MultiProgress>,
}

impl Screen {
    /// With lines where a person looks at them.
    pub(crate) fn new(args: &Args) -> Self {
        let person = stderr().is_terminal() && args.log_format == LogFormat::Text;
        let lines = (person && args.test.is_none() && args.slot.is_none()).then(MultiProgress::new);
        Self { lines }
    }

    /// Whether slots have lines.
    pub(crate) fn has_lines(&self) -> bool {
        self.lines.is_some()
    }

    /// A line more; none where there are none.
    pub(crate) fn line(&self) -> Option<ProgressBar> {
        let lines = self.lines.as_ref()?;
        let line = lines.add(ProgressBar::new_spinner());
        // Without a style it is plain.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            line.set_style(style);
        }
        line.enable_steady_tick(Duration::from_millis(200));
        Some(line)
    }

    /// Writes above the lines.
    pub(crate) fn print(&self, text: &[u8]) -> io::Result<()> {
        match &self.lines {
            Some(lines) => lines.suspend(|| stderr().write_all(text)),
            None => stderr().write_all(text),
        }
    }
}

impl Write for Screen {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.print(text).map(|()| text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        stderr().flush()
    }
}

/// Shows a slot of this process: on its line, or, where it is one of a worker with several, to that.
pub(crate) fn show(screen: &Screen, args: &Args) -> Show {
    let line = screen.line();
    let told = args.slot.is_some();
    Arc::new(move |progress| {
        if let Some(line) = &line {
            line.set_message(progress.to_string());
        } else if told {
            Told::of(progress).tell();
        }
    })
}
