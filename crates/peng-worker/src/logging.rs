//! The log, on standard error.

use std::io::{IsTerminal, stderr};

use anyhow::Context;
use tracing_subscriber::{EnvFilter, fmt};

use crate::{args::LogFormat, screen::Screen};

/// Starts the log of this process; `RUST_LOG` says what is logged.
pub(crate) fn start(format: LogFormat, screen: &Screen) -> anyhow::Result<()> {
    let filter = filter(screen);
    let filter = EnvFilter::try_new(&filter)
        .with_context(|| format!("RUST_LOG={filter} is no log filter; `info` would be one"))?;
    let screen = screen.clone();
    let log = fmt()
        .with_env_filter(filter)
        .with_writer(move || screen.clone());
    match format {
        LogFormat::Text => log
            .with_ansi(stderr().is_terminal())
            .with_target(false)
            .init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(())
}

/// What is logged. The lines of the slots, where there are any, show the epochs.
pub(crate) fn filter(screen: &Screen) -> String {
    std::env::var("RUST_LOG").unwrap_or_else(|_| {
        let epochs = if screen.has_lines() { "warn" } else { "info" };
        format!("info,peng_worker::epochs={epochs}")
    })
}
