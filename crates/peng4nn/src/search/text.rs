//! The result for people.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use comfy_table::{Cell, Table};
use peng_predict::Mode;

use super::report::{Report, Row};
use crate::output::{calibration, number, si, table};

/// The longest reason that the table shows; files have it in full.
const LONGEST_REASON: usize = 64;

/// Writes the table of candidates and what it comes to.
pub(super) fn write(out: &mut impl Write, report: &Report, files: &[PathBuf]) -> io::Result<()> {
    writeln!(out, "{}\n", candidates(report).trim_fmt())?;
    let (epochs, count) = (&report.epochs, report.candidates.len());
    let saved = match report.mode {
        Mode::Enforce => "Epochs saved",
        Mode::Advise => "Would have saved",
    };
    let lines = [
        (
            saved,
            format!(
                "{} of {} epochs ({:.0} %); {} of {count} candidates stop early",
                epochs.saved,
                epochs.full,
                100.0 * epochs.saved_share,
                report.stops(),
            ),
        ),
        ("Best fitness", best(report, report.best.as_deref())),
        ("Best measured", measured(report)),
        ("Pareto front", report.pareto_front.join(", ")),
        ("Prediction", comparison(report)),
        (
            "Calibration",
            // Before a trial has told there is nothing to say.
            report
                .calibration
                .as_ref()
                .filter(|account| account.stops + account.best > 0)
                .map_or_else(String::new, calibration),
        ),
        (
            "Files",
            files
                .iter()
                .map(|f| f.display().to_string())
                .collect::<Vec<_>>()
                .join(", "),
        ),
    ];
    for (head, text) in lines.iter().filter(|(_, text)| !text.is_empty()) {
        writeln!(out, "{head:<17} {text}")?;
    }
    out.flush()
}

fn candidates(report: &Report) -> Table {
    let advised = report.mode == Mode::Advise;
    let heads: &[&str] = if advised {
        &[
            "candidate",
            "genome",
            ">FLOPs",
            ">params",
            ">epochs",
            ">stop at",
            ">predicted",
            "interval",
            ">true",
            ">error",
            "front",
            "why",
        ]
    } else {
        &[
            "candidate",
            "genome",
            ">FLOPs",
            ">params",
            ">epochs",
            ">last",
            ">predicted",
            "interval",
            "front",
            "state",
            "why",
        ]
    };
    let mut table = table(heads);
    for row in &report.candidates {
        table.add_row(if advised {
            advised_row(row)
        } else {
            enforced_row(row)
        });
    }
    table
}

fn first_cells(row: &Row) -> Vec<Cell> {
    vec![
        Cell::new(&row.candidate),
        Cell::new(&row.genome),
        Cell::new(counted(row.flops)),
        Cell::new(counted(row.parameters)),
        Cell::new(row.epochs),
    ]
}

/// A count; a dash where only the worker knows.
fn counted(count: u64) -> String {
    match count {
        0 => "-".to_owned(),
        count => si(count),
    }
}

fn enforced_row(row: &Row) -> Vec<Cell> {
    let mut cells = first_cells(row);
    cells.extend([
        number(row.measured, 2),
        number(row.predicted, 2),
        interval(row),
        front(row),
        Cell::new(row.state),
        Cell::new(why(row)),
    ]);
    cells
}

fn advised_row(row: &Row) -> Vec<Cell> {
    let mut cells = first_cells(row);
    let stop = row
        .stop_epoch
        .map_or_else(|| "-".to_owned(), |epoch| epoch.to_string());
    let error = row.prediction_error;
    cells.extend([
        Cell::new(stop),
        number(row.predicted, 2),
        interval(row),
        number(row.measured, 2),
        Cell::new(error.map_or_else(|| "-".to_owned(), |error| format!("{error:+.2}"))),
        front(row),
        Cell::new(why(row)),
    ]);
    cells
}

fn interval(row: &Row) -> Cell {
    Cell::new(match (row.lower, row.upper) {
        (Some(lower), Some(upper)) => format!("{lower:.2} to {upper:.2}"),
        _ => "-".to_owned(),
    })
}

fn front(row: &Row) -> Cell {
    Cell::new(if row.on_front { "*" } else { "" })
}

fn why(row: &Row) -> String {
    if row.reason.is_empty() && row.state == "SUCCEEDED" {
        return "trained to the end".to_owned();
    }
    let mut text: String = row.reason.chars().take(LONGEST_REASON).collect();
    if text.len() < row.reason.len() {
        text.push_str("..");
    }
    text.replace(['\n', '\r'], " ")
}

fn best(report: &Report, id: Option<&str>) -> String {
    let row = id.and_then(|id| report.row(id));
    row.and_then(|row| Some((row, row.fitness?)))
        .map_or_else(String::new, |(row, fitness)| {
            let how = match row.stop_epoch {
                Some(epoch) => format!("predicted at epoch {epoch}"),
                None => "measured".to_owned(),
            };
            format!("{fitness:.2} % by {}, {how}", row.candidate)
        })
}

fn measured(report: &Report) -> String {
    let row = report
        .best_measured
        .as_deref()
        .and_then(|id| report.row(id));
    row.and_then(|row| Some((row, row.measured?)))
        .map_or_else(String::new, |(row, value)| {
            format!(
                "{value:.2} % by {}, after {} epochs",
                row.candidate, row.epochs
            )
        })
}

fn comparison(report: &Report) -> String {
    let Some(comparison) = &report.comparison else {
        return String::new();
    };
    let held = match comparison.intervals {
        0 => String::new(),
        intervals => format!(
            "; {} of {intervals} intervals hold the truth",
            comparison.intervals_held
        ),
    };
    match (comparison.mean_absolute_error, comparison.largest_error) {
        (Some(mean), Some(largest)) => format!(
            "mean absolute error {mean:.2} points over {} stops, the largest {largest:.2}{held}",
            comparison.stops
        ),
        _ => "no candidate had a verdict to compare with the truth".to_owned(),
    }
}
