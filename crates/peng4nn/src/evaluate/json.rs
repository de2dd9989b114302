//! For programs: a JSON object a line for each experiment and policy.

use std::io::{self, Write};

use peng_predict::{metrics::Summary, policy::Spec};
use serde::Serialize;

use super::Row;

#[derive(Serialize)]
struct Line<'a> {
    file: String,
    group: Option<&'a str>,
    curves: usize,
    target: f64,
    policy: &'a str,
    parameters: &'a Spec,
    #[serde(flatten)]
    summary: &'a Summary,
}

/// Writes the lines.
pub(super) fn write(mut out: impl Write, rows: &[Row<'_>]) -> io::Result<()> {
    for row in rows {
        let line = Line {
            file: row.group.path.display().to_string(),
            group: row.group.name.as_deref(),
            curves: row.group.curves.len(),
            target: row.group.target.get(),
            policy: &row.policy.label,
            parameters: &row.policy.spec,
            summary: &row.summary,
        };
        serde_json::to_writer(&mut out, &line)?;
        writeln!(out)?;
    }
    out.flush()
}
