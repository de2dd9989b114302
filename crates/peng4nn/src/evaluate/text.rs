//! For people: a row for each experiment and policy.

use std::io::{self, Write};

use comfy_table::Cell;

use super::rows::Row;
use crate::output::{calibration, decimals, number, table, word};

const HEADS: [&str; 16] = [
    "curves",
    "policy",
    ">saved %",
    ">times",
    ">kept",
    ">means",
    ">error",
    ">tau",
    ">regret",
    ">stopped %",
    "why",
    ">in 50 %",
    ">in 90 %",
    ">lost",
    ">p50 us",
    ">p99 us",
];

/// Writes a table.
pub(super) fn write(mut out: impl Write, rows: &[Row<'_>]) -> io::Result<()> {
    let mut table = table(&HEADS);
    let mut above = None;
    for row in rows {
        // A name is written once.
        let curves_of = Some((row.path, row.group));
        let shown = if curves_of == above { "" } else { &curves(row) };
        table.add_row(cells(shown, row));
        above = curves_of;
    }
    writeln!(out, "{}", table.trim_fmt())?;
    for row in rows {
        if let Some(account) = row.summary.calibration.filter(|account| account.best > 0) {
            let (curves, policy) = (curves(row), &row.policy.label);
            writeln!(out, "{curves}, {policy}: {}", calibration(&account))?;
        }
    }
    out.flush()
}

/// The file and the experiment in it.
fn curves(row: &Row<'_>) -> String {
    match row.group {
        None => row.file.clone(),
        Some(group) => format!("{} {group}", row.file),
    }
}

fn cells(curves: &str, row: &Row<'_>) -> Vec<Cell> {
    let summary = &row.summary;
    let value = |value: f64| number(Some(value), decimals(row.range));
    let share = |share: Option<f64>| number(share.map(|share| 100.0 * share), 0);
    vec![
        Cell::new(curves),
        Cell::new(&row.policy.label),
        number(Some(100.0 * summary.epochs_saved), 1),
        number(Some(summary.throughput_factor), 2),
        number(Some(summary.best_kept), 2),
        value(summary.best_mean_difference),
        value(summary.mae),
        number(Some(summary.kendall_tau), 2),
        value(summary.regret),
        share(Some(summary.stopped)),
        Cell::new(why(row)),
        share(summary.coverage_50),
        share(summary.coverage_90),
        number(summary.false_stop_rate, 2),
        number(Some(summary.decision_us_p50), 1),
        number(Some(summary.decision_us_p99), 1),
    ]
}

/// The reasons for stops, with their shares of the trials where there are several.
fn why(row: &Row<'_>) -> String {
    let why = &row.summary.stopped_why;
    let text: Vec<String> = why
        .iter()
        .map(|(code, share)| match why.len() {
            1 => word(code),
            _ => format!("{} {:.0}", word(code), 100.0 * share),
        })
        .collect();
    text.join(", ")
}
