//! For people: a row for each curve.

use std::io::{self, Write};

use comfy_table::Cell;
use peng_predict::{Decision, trial::Session};

use super::Judged;
use crate::output::{decimals, number, table};

/// Writes a table and a line that sums it up.
pub(super) fn write(mut out: impl Write, judged: &[Judged]) -> io::Result<()> {
    let heads = [
        "curve",
        ">epoch",
        ">last",
        ">predicted",
        "interval",
        "verdict",
        ">at",
        "why",
    ];
    let mut table = table(&heads);
    for curve in judged {
        table.add_row(row(curve));
    }
    writeln!(out, "{}\n", table.trim_fmt())?;
    let stopped = judged.iter().filter(|curve| curve.session.stop().is_some());
    writeln!(
        out,
        "{} of {} curves stop early",
        stopped.count(),
        judged.len()
    )?;
    out.flush()
}

fn row(Judged { id, session }: &Judged) -> Vec<Cell> {
    let decimals = decimals(session.settings().range);
    let stop = session.stop();
    let decision = stop
        .map(|(_, decision)| decision)
        .or_else(|| newest(session));
    let prediction = decision.and_then(|decision| decision.prediction.as_ref());
    let interval = prediction.and_then(|prediction| prediction.interval.as_ref());
    vec![
        Cell::new(id),
        Cell::new(
            session
                .last()
                .map_or_else(String::new, |last| last.epoch.to_string()),
        ),
        number(session.last().map(|last| last.value), decimals),
        number(prediction.map(|prediction| prediction.fitness), decimals),
        Cell::new(interval.map_or_else(
            || "-".to_owned(),
            |i| {
                format!(
                    "{:.decimals$} to {:.decimals$} ({:.0} %)",
                    i.lower,
                    i.upper,
                    100.0 * i.level
                )
            },
        )),
        Cell::new(if stop.is_some() { "STOP" } else { "CONTINUE" }),
        Cell::new(stop.map_or_else(|| "-".to_owned(), |(epoch, _)| epoch.to_string())),
        Cell::new(decision.map_or_else(String::new, ToString::to_string)),
    ]
}

/// The decision on the last observation.
fn newest(session: &Session) -> Option<&Decision> {
    session.observations().last().map(|(_, decision)| decision)
}
