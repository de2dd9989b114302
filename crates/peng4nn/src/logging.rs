//! The log, on standard error.

use anyhow::Context;
use clap::{Args, ValueEnum};
use peng_telemetry::Sending;
use serde::{Deserialize, Serialize};
use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer, Registry, fmt, layer::SubscriberExt, registry::LookupSpan, reload,
    util::SubscriberInitExt,
};

use crate::{exit::Failure, output::colours};

/// What is logged, and how; from flags or from a file.
#[derive(Debug, Clone, Default, PartialEq, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Logging {
    /// What to log, for example `debug` or `peng_server=debug,warn`; `RUST_LOG`
    /// where not given
    #[arg(id = "log_filter", long = "log", value_name = "FILTER", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<String>,
    /// How a log line is written [default: text]
    #[arg(
        id = "log_format",
        long = "log-format",
        value_name = "FORMAT",
        global = true
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Form>,
    /// Send the spans of calls to the OpenTelemetry collector there (OTLP over gRPC, mostly
    /// port 4317); none are made where not given
    #[arg(
        id = "otlp_endpoint",
        long = "otlp-endpoint",
        value_name = "URL",
        global = true
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) otlp_endpoint: Option<String>,
}

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Form {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

/// What a command logs unless it is told.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Usual {
    /// What goes on.
    Info,
    /// What goes wrong.
    Warn,
}

impl Logging {
    /// What is given here, else what is given there.
    pub(crate) fn or(self, other: &Self) -> Self {
        Self {
            filter: self.filter.or_else(|| other.filter.clone()),
            format: self.format.or(other.format),
            otlp_endpoint: self.otlp_endpoint.or_else(|| other.otlp_endpoint.clone()),
        }
    }
}

/// What is logged from now on, to be changed while the process runs.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    handle: reload::Handle<EnvFilter, Registry>,
    usual: Usual,
}

impl Filter {
    /// Logs what `logging` says from now on. How a line is written stays as it is.
    pub(crate) fn change(&self, logging: &Logging) -> anyhow::Result<()> {
        let filter = logging.filter(self.usual)?;
        self.handle
            .reload(filter)
            .context("the log cannot be changed")
    }
}

impl Logging {
    fn filter(&self, usual: Usual) -> anyhow::Result<EnvFilter> {
        let usual = match usual {
            Usual::Info => "info",
            Usual::Warn => "warn",
        };
        let given = self.filter.clone();
        let filter = given
            .or_else(|| std::env::var("RUST_LOG").ok())
            .unwrap_or_else(|| usual.to_owned());
        EnvFilter::try_new(&filter)
            .with_context(|| format!("the log filter `{filter}` is none; `info` would be one"))
    }
}

/// The log of this process, for as long as it lives.
#[derive(Debug)]
pub(crate) struct Log {
    /// What is logged.
    pub(crate) filter: Filter,
    /// Sends spans, if that was asked for.
    _sending: Option<Sending>,
}

/// Starts the log of this process; in the runtime that sends spans.
pub(crate) fn start(logging: &Logging, usual: Usual) -> Result<Log, Failure> {
    let filter = logging.filter(usual).map_err(Failure::Input)?;
    let (filter, handle) = reload::Layer::new(filter);
    let form = logging.format.unwrap_or(Form::Text);
    let sending = match &logging.otlp_endpoint {
        None => {
            let registry = tracing_subscriber::registry().with(filter);
            registry.with(lines(form)).try_init()?;
            None
        }
        // Each goes by a filter of its own: what is logged has no say in what is sent.
        Some(endpoint) => {
            let (spans, sending) =
                peng_telemetry::layer(endpoint, "peng4nn").map_err(Failure::input)?;
            let lines = lines(form).with_filter(filter);
            let registry = tracing_subscriber::registry().with(lines);
            registry.with(spans).try_init()?;
            Some(sending)
        }
    };
    Ok(Log {
        filter: Filter { handle, usual },
        _sending: sending,
    })
}

/// What writes the log's lines.
fn lines<S>(form: Form) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let lines = fmt::layer().with_writer(std::io::stderr);
    match form {
        Form::Json => lines.json().boxed(),
        Form::Text => lines.with_ansi(colours(&std::io::stderr())).boxed(),
    }
}
