//! What a run has measured.

use std::{io::Write, time::Duration};

use serde::Serialize;

use super::tally::{Counts, Part};

/// The figures; a name ends with its unit.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Observations that were answered with a decision.
    pub(super) pairs: u64,
    pub(super) pairs_per_second: f64,
    /// Of the pairs, those that were under way behind a STOP.
    pub(super) after_stop: u64,
    pub(super) seconds: f64,
    pub(super) trials: u64,
    pub(super) stopped: u64,
    pub(super) trials_made_per_second: Option<f64>,
    pub(super) latency_ms: Latency,
    /// Pairs a second in the first and in the last tenth of the trials.
    pub(super) first_tenth_per_second: Option<f64>,
    pub(super) last_tenth_per_second: Option<f64>,
    pub(super) memory: Option<Memory>,
    pub(super) echo_calls_per_second: Option<f64>,
}

#[derive(Debug, Serialize)]
pub(super) struct Latency {
    p50: f64,
    p99: f64,
    p999: f64,
    most: f64,
}

/// The server's memory.
#[derive(Debug, Default, Serialize)]
pub(super) struct Memory {
    /// Before anything was asked of it.
    pub(super) before_bytes: u64,
    /// By the trials made, all of them running.
    pub(super) bytes_per_trial: Option<f64>,
    /// By the streams opened.
    pub(super) bytes_per_stream: Option<f64>,
    /// The mean over the first and the last tenth of the time.
    pub(super) first_tenth_bytes: u64,
    pub(super) last_tenth_bytes: u64,
    pub(super) most_bytes: u64,
}

impl Report {
    /// What was counted in this time.
    pub(super) fn new(counts: &Counts, time: Duration) -> Self {
        let latency = &counts.latency;
        let milliseconds = |quantile| latency.value_at_quantile(quantile) as f64 / 1e3;
        let seconds = time.as_secs_f64();
        Self {
            pairs: counts.pairs,
            pairs_per_second: counts.pairs as f64 / seconds,
            after_stop: counts.after_stop,
            seconds,
            trials: counts.ended,
            stopped: counts.stops,
            trials_made_per_second: None,
            latency_ms: Latency {
                p50: milliseconds(0.5),
                p99: milliseconds(0.99),
                p999: milliseconds(0.999),
                most: latency.max() as f64 / 1e3,
            },
            first_tenth_per_second: counts.parts.first().and_then(Part::rate),
            last_tenth_per_second: counts.parts.last().and_then(Part::rate),
            memory: None,
            echo_calls_per_second: None,
        }
    }

    /// For people.
    pub(super) fn write(&self, mut out: impl Write) -> std::io::Result<()> {
        let mut line = |what: &str, text: String| writeln!(out, "{what:<22}{text}");
        line(
            "observations",
            format!(
                "{:.0} a second: {} in {:.1} s, {} of them behind a STOP",
                self.pairs_per_second, self.pairs, self.seconds, self.after_stop
            ),
        )?;
        let Latency {
            p50,
            p99,
            p999,
            most,
        } = self.latency_ms;
        line(
            "latency",
            format!("p50 {p50:.2} ms, p99 {p99:.2} ms, p99.9 {p999:.2} ms, most {most:.2} ms"),
        )?;
        let made = self.trials_made_per_second;
        let made = made.map_or_else(String::new, |rate| format!("; made {rate:.0} a second"));
        line(
            "trials",
            format!(
                "{} ended, {} of them by a STOP{made}",
                self.trials, self.stopped
            ),
        )?;
        if let (Some(first), Some(last)) = (self.first_tenth_per_second, self.last_tenth_per_second)
        {
            line(
                "flatness",
                format!(
                    "{first:.0} a second in the first tenth of the trials, {last:.0} in the last"
                ),
            )?;
        }
        if let Some(memory) = &self.memory {
            line("server's memory", memory.text())?;
        }
        if let Some(echo) = self.echo_calls_per_second {
            line(
                "echo",
                format!(
                    "{echo:.0} calls a second; {:.2} of that",
                    self.pairs_per_second / echo
                ),
            )?;
        }
        Ok(())
    }
}

impl Memory {
    fn text(&self) -> String {
        let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let each = |what: &str, bytes: Option<f64>| {
            bytes.map_or_else(String::new, |bytes| format!(", {bytes:.0} bytes a {what}"))
        };
        format!(
            "{:.1} MiB before, {:.1} in the first tenth of the time, {:.1} in the last, {:.1} at most{}{}",
            mebibytes(self.before_bytes),
            mebibytes(self.first_tenth_bytes),
            mebibytes(self.last_tenth_bytes),
            mebibytes(self.most_bytes),
            each("trial", self.bytes_per_trial),
            each("stream", self.bytes_per_stream),
        )
    }
}
