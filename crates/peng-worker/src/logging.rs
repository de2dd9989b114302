//! The log, on standard error.

use std::io::{IsTerminal, stderr};

use anyhow::Context;
use tracing_subscriber::{EnvFilter, fmt};

use crate::args::LogFormat;

/// Starts the log of this process; `RUST_LOG` says what is logged.
pub(crate) fn start(format: LogFormat) -> anyhow::Result<()> {
    let filter = std::env::var("RUST_LOG").unwrap_or_else(|_| "info".to_owned());
    let filter = EnvFilter::try_new(&filter)
        .with_context(|| format!("RUST_LOG={filter} is no log filter; `info` would be one"))?;
    let log = fmt().with_env_filter(filter).with_writer(stderr);
    match format {
        LogFormat::Text => log
            .with_ansi(stderr().is_terminal())
            .with_target(false)
            .init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(())
}
