//! The log, on standard error, and the spans that a collector is sent.

use std::io::{IsTerminal, stderr};

use anyhow::Context;
use peng_telemetry::Sending;
use tokio::runtime::{Builder, Runtime};
use tracing_subscriber::{EnvFilter, Layer, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{
    args::{Args, LogFormat},
    screen::Screen,
};

/// The log of this process, for as long as it lives.
#[derive(Debug)]
pub(crate) struct Log {
    sending: Option<Sending>,
    /// Sends the spans, and so is the last to go.
    _runtime: Option<Runtime>,
}

impl Drop for Log {
    fn drop(&mut self) {
        drop(self.sending.take());
    }
}

/// Starts the log of this process; `RUST_LOG` says what is logged.
pub(crate) fn start(args: &Args, screen: &Screen) -> anyhow::Result<Log> {
    let filter = filter(screen);
    let filter = EnvFilter::try_new(&filter)
        .with_context(|| format!("RUST_LOG={filter} is no log filter; `info` would be one"))?;
    let screen = screen.clone();
    let lines = fmt::layer().with_writer(move || screen.clone());
    let lines = match args.log_format {
        LogFormat::Text => lines
            .with_ansi(stderr().is_terminal())
            .with_target(false)
            .boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let registry = tracing_subscriber::registry().with(lines.with_filter(filter));
    let Some(endpoint) = &args.otlp_endpoint else {
        registry.init();
        return Ok(Log {
            sending: None,
            _runtime: None,
        });
    };
    // With a thread of its own: the worker's may be busy, or gone.
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let context = runtime.enter();
    let (spans, sending) = peng_telemetry::layer(endpoint, "peng4nn-worker")?;
    drop(context);
    registry.with(spans).init();
    Ok(Log {
        sending: Some(sending),
        _runtime: Some(runtime),
    })
}

/// What is logged. The lines of the slots, where there are any, show the epochs.
pub(crate) fn filter(screen: &Screen) -> String {
    std::env::var("RUST_LOG").unwrap_or_else(|_| {
        let epochs = if screen.has_lines() { "warn" } else { "info" };
        format!("info,peng_worker::epochs={epochs}")
    })
}
