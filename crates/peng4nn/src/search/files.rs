//! The result as files.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{curves::Point, report::Report};

/// Writes candidates.csv, curves.csv and search.json; returns where they lie.
pub(super) fn write(out: &Path, report: &Report, curves: &[Point]) -> anyhow::Result<Vec<PathBuf>> {
    fs::create_dir_all(out)?;
    let path = |name: &str| out.join(name);
    let files = vec![
        path("candidates.csv"),
        path("curves.csv"),
        path("search.json"),
    ];
    csv(&files[0], &report.candidates)?;
    csv(&files[1], curves)?;
    fs::write(&files[2], json(report)? + "\n")?;
    Ok(files)
}

/// The report as one JSON document.
pub(super) fn json(report: &Report) -> serde_json::Result<String> {
    serde_json::to_string_pretty(report)
}

fn csv(path: &Path, rows: &[impl Serialize]) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(File::create(path)?);
    for row in rows {
        writer.serialize(row)?;
    }
    writer.flush()
}
