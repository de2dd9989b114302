//! What `peng4nn evaluate --format json` prints.

use anyhow::{Context, Result};
use serde::Deserialize;

/// A policy on a set of curves.
#[derive(Debug, Deserialize)]
pub(super) struct Row {
    /// The experiment; none for the whole file.
    group: Option<String>,
    pub(super) curves: usize,
    pub(super) target: f64,
    pub(super) policy: String,
    pub(super) epochs_saved: f64,
    pub(super) throughput_factor: f64,
    pub(super) best_kept: f64,
    pub(super) best_mean_difference: f64,
    pub(super) mae: f64,
    pub(super) kendall_tau: f64,
    pub(super) regret: f64,
    pub(super) coverage_50: Option<f64>,
    pub(super) coverage_90: Option<f64>,
    pub(super) false_stop_rate: Option<f64>,
    pub(super) decision_us_p50: f64,
    pub(super) decision_us_p99: f64,
}

/// The rows of whole files.
pub(super) fn parse(lines: &str) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for line in lines.lines() {
        let row: Row = serde_json::from_str(line).with_context(|| format!("line `{line}`"))?;
        if row.group.is_none() {
            rows.push(row);
        }
    }
    Ok(rows)
}
