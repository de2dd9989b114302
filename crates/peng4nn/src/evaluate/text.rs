//! For people: a row for each experiment and policy.

use std::io::{self, Write};

use comfy_table::Cell;

use super::{Row, stem};
use crate::output::{number, table};

const HEADS: [&str; 13] = [
    "curves",
    "policy",
    ">saved %",
    ">factor",
    ">best kept",
    ">mean diff",
    ">mae",
    ">tau",
    ">regret",
    ">stopped %",
    "why",
    ">p50 us",
    ">p99 us",
];

/// Writes a table.
pub(super) fn write(mut out: impl Write, rows: &[Row<'_>]) -> io::Result<()> {
    let mut table = table(&HEADS);
    for row in rows {
        table.add_row(cells(row));
    }
    writeln!(out, "{table}")?;
    out.flush()
}

fn cells(row: &Row<'_>) -> Vec<Cell> {
    let summary = &row.summary;
    let file = stem(&row.group.path);
    let why: Vec<String> = summary
        .stopped_why
        .iter()
        .map(|(code, share)| format!("{code:?} {:.0} %", 100.0 * share))
        .collect();
    vec![
        Cell::new(match &row.group.name {
            None => file,
            Some(group) => format!("{file} {group}"),
        }),
        Cell::new(&row.policy.label),
        number(Some(100.0 * summary.epochs_saved), 1),
        number(Some(summary.throughput_factor), 2),
        number(Some(summary.best_kept), 2),
        number(Some(summary.best_mean_difference), 2),
        number(Some(summary.mae), 2),
        number(Some(summary.kendall_tau), 2),
        number(Some(summary.regret), 2),
        number(Some(100.0 * summary.stopped), 0),
        Cell::new(why.join(", ")),
        number(Some(summary.decision_us_p50), 1),
        number(Some(summary.decision_us_p99), 1),
    ]
}
