//! For programs: a JSON object a line for each experiment and policy.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use peng_predict::policy::{Calibration, Spec};
use serde::Serialize;

use super::rows::Row;
use crate::output::word;

#[derive(Serialize)]
struct Line<'a> {
    file: String,
    group: Option<&'a str>,
    curves: usize,
    target: f64,
    policy: &'a str,
    parameters: &'a Spec,
    epochs_saved: f64,
    throughput_factor: f64,
    best_kept: f64,
    best_mean_difference: f64,
    mae: f64,
    kendall_tau: f64,
    regret: f64,
    stopped: f64,
    /// Share of the trials by reason.
    stopped_why: BTreeMap<String, f64>,
    coverage_50: Option<f64>,
    coverage_90: Option<f64>,
    false_stop_rate: Option<f64>,
    calibration: Option<Calibration>,
    decision_us_p50: f64,
    decision_us_p99: f64,
}

impl<'a> Line<'a> {
    fn new(row: &'a Row<'_>) -> Self {
        let summary = &row.summary;
        let why = summary.stopped_why.iter();
        Self {
            file: row.path.display().to_string(),
            group: row.group,
            curves: row.curves,
            target: row.target.get(),
            policy: &row.policy.label,
            parameters: &row.policy.spec,
            epochs_saved: summary.epochs_saved,
            throughput_factor: summary.throughput_factor,
            best_kept: summary.best_kept,
            best_mean_difference: summary.best_mean_difference,
            mae: summary.mae,
            kendall_tau: summary.kendall_tau,
            regret: summary.regret,
            stopped: summary.stopped,
            stopped_why: why.map(|(code, &share)| (word(code), share)).collect(),
            coverage_50: summary.coverage_50,
            coverage_90: summary.coverage_90,
            false_stop_rate: summary.false_stop_rate,
            calibration: summary.calibration,
            decision_us_p50: summary.decision_us_p50,
            decision_us_p99: summary.decision_us_p99,
        }
    }
}

/// Writes the lines.
pub(super) fn write(mut out: impl Write, rows: &[Row<'_>]) -> io::Result<()> {
    for row in rows {
        serde_json::to_writer(&mut out, &Line::new(row))?;
        writeln!(out)?;
    }
    out.flush()
}
