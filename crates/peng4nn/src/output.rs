//! What is written for people and for programs.

use std::io::IsTerminal;

use clap::ValueEnum;
use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use peng_predict::{ValueRange, policy::Calibration};
use serde::Serialize;
use serde_json::Value;

/// For whom the result is written to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs; everything else goes to standard error.
    Json,
}

/// Whether a stream may have colours: a terminal, and no `NO_COLOR` (no-color.org).
pub(crate) fn colours(stream: &impl IsTerminal) -> bool {
    let forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    stream.is_terminal() && !forbidden
}

/// A line under the head and no other.
const STYLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// An empty table with these heads; a head that begins with `>` has its column
/// set to the right.
pub(crate) fn table(heads: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(STYLE)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(heads.iter().map(|head| head.trim_start_matches('>')));
    for (index, head) in heads.iter().enumerate() {
        if let (true, Some(column)) = (head.starts_with('>'), table.column_mut(index)) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// A cell with a number of so many decimals, or a dash.
pub(crate) fn number(value: Option<f64>, decimals: usize) -> Cell {
    Cell::new(value.map_or_else(|| "-".to_owned(), |value| format!("{value:.decimals$}")))
}

/// Decimals of values of a metric: two for percent, more where the range is narrower.
pub(crate) fn decimals(range: ValueRange) -> usize {
    let narrower = (100.0 / (range.upper() - range.lower())).log10().ceil();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 0 to 6"
    )]
    let more = narrower.clamp(0.0, 6.0) as usize;
    2 + more
}

/// A verdict, a reason or an outcome as the API writes it: `NEVER_LEARNS`.
pub(crate) fn word(code: impl Serialize) -> String {
    match serde_json::to_value(code) {
        Ok(Value::String(word)) => word.to_uppercase(),
        Ok(Value::Object(fields)) => fields.get("kind").map_or_else(String::new, word),
        _ => String::new(),
    }
}

/// What a policy says its predictions were worth, in a line.
pub(crate) fn calibration(account: &Calibration) -> String {
    let Calibration {
        stops,
        covered_50,
        covered_90,
        lost_best,
        best,
        risk,
        widening,
    } = account;
    format!(
        "{covered_50} of {stops} checked stops lie in their 50 % interval, {covered_90} in their \
         90 % interval; {lost_best} of {best} of the best would have been lost (risk {risk}); \
         intervals are {widening:.2} times as wide"
    )
}

/// A count with an SI prefix and three digits: `12.3 M`.
pub(crate) fn si(count: u64) -> String {
    let scaled = [(1e9, "G"), (1e6, "M"), (1e3, "k")];
    let value = count as f64;
    match scaled.into_iter().find(|(unit, _)| value >= *unit) {
        None => count.to_string(),
        Some((unit, prefix)) => {
            let value = value / unit;
            let decimals = if value < 9.995 {
                2
            } else {
                usize::from(value < 99.95)
            };
            format!("{value:.decimals$} {prefix}")
        }
    }
}

#[cfg(test)]
mod tests {
    use peng_predict::{ReasonCode, Verdict, fit::Outcome};

    use super::*;

    #[test]
    fn words_are_those_of_the_api() {
        assert_eq!(word(Verdict::Stop), "STOP");
        assert_eq!(word(ReasonCode::NeverLearns), "NEVER_LEARNS");
        assert_eq!(word(Outcome::at_bounds([true; 4])), "AT_BOUND");
    }

    #[test]
    fn narrow_ranges_have_more_decimals() {
        for (upper, right) in [
            (1e9, 2),
            (100.0, 2),
            (10.0, 3),
            (2.3, 4),
            (1.0, 4),
            (1e-9, 8),
        ] {
            let range = ValueRange::new(0.0, upper).unwrap();
            assert_eq!(decimals(range), right, "{upper}");
        }
    }

    #[test]
    fn counts_have_three_digits() {
        let text = [
            0,
            999,
            1_000,
            12_345,
            999_400,
            9_996_000,
            123_456_789,
            5_000_000_000,
        ]
        .map(si);
        let right = [
            "0", "999", "1.00 k", "12.3 k", "999 k", "10.0 M", "123 M", "5.00 G",
        ];
        assert_eq!(text, right);
    }
}
