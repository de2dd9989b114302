//! Tables in Markdown.

use std::fmt::Write as _;

use anyhow::{Context, Result};

use super::rows::Row;
use super::{Policy, Set};

const HEAD: &str = "\
| policy | saved, % | times | best kept | means | error | tau | regret | in 50 %, % | in 90 %, % \
| lost | µs, median / p99 |
|---|---|---|---|---|---|---|---|---|---|---|---|
";

/// A table for each set with a row for each policy.
pub(super) fn full(results: &[(&Set, Vec<Row>)], policies: &[Policy]) -> Result<String> {
    let mut text = String::new();
    for (set, rows) in results {
        let first = rows.first().context("no row")?;
        let (title, curves, target) = (set.title, first.curves, first.target);
        writeln!(text, "### {title} ({curves} curves of {target} epochs)\n")?;
        text.push_str(HEAD);
        for policy in policies {
            writeln!(
                text,
                "| {} | {} |",
                policy.title,
                figures(find(rows, policy)?)
            )?;
        }
        text.push('\n');
    }
    Ok(text)
}

fn figures(row: &Row) -> String {
    let share = |share: Option<f64>| {
        share.map_or_else(|| "–".to_owned(), |share| format!("{:.0}", 100.0 * share))
    };
    [
        format!("{:.1}", 100.0 * row.epochs_saved),
        format!("{:.2}", row.throughput_factor),
        format!("{:.2}", row.best_kept),
        format!("{:.2}", row.best_mean_difference),
        format!("{:.2}", row.mae),
        format!("{:.2}", row.kendall_tau),
        format!("{:.2}", row.regret),
        share(row.coverage_50),
        share(row.coverage_90),
        row.false_stop_rate
            .map_or_else(|| "–".to_owned(), |rate| format!("{rate:.2}")),
        format!("{:.1} / {:.1}", row.decision_us_p50, row.decision_us_p99),
    ]
    .join(" | ")
}

/// A row for each set, and a column for each of some policies: saved, kept, means.
pub(super) fn short(results: &[(&Set, Vec<Row>)], policies: &[Policy]) -> Result<String> {
    let policies: Vec<&Policy> = policies.iter().filter(|policy| policy.short).collect();
    let mut text = String::from("| curves |");
    for policy in &policies {
        write!(text, " {} |", policy.title)?;
    }
    writeln!(text, "\n|---|{}", "---|".repeat(policies.len()))?;
    for (set, rows) in results {
        write!(text, "| {} |", set.title)?;
        for policy in &policies {
            let row = find(rows, policy)?;
            write!(
                text,
                " {:.0} % / {:.2} / {:.2} |",
                100.0 * row.epochs_saved,
                row.best_kept,
                row.best_mean_difference
            )?;
        }
        text.push('\n');
    }
    Ok(text)
}

fn find<'a>(rows: &'a [Row], policy: &Policy) -> Result<&'a Row> {
    let given = policy.given;
    rows.iter()
        .find(|row| row.policy == given)
        .with_context(|| format!("no row of policy `{given}`"))
}

#[cfg(test)]
mod tests {
    use super::super::{policy, rows};
    use super::*;

    const LINES: &str = r#"{"file":"s.csv","group":"a","curves":1,"target":2.0,"policy":"fixed","epochs_saved":0.1,"throughput_factor":1.0,"best_kept":1.0,"best_mean_difference":0.0,"mae":0.0,"kendall_tau":1.0,"regret":0.0,"coverage_50":null,"coverage_90":null,"false_stop_rate":null,"decision_us_p50":1.0,"decision_us_p99":1.0}
{"file":"s.csv","group":null,"curves":3,"target":20.0,"policy":"fixed","epochs_saved":0.505,"throughput_factor":2.02,"best_kept":0.75,"best_mean_difference":0.125,"mae":1.5,"kendall_tau":0.5,"regret":0.0,"coverage_50":0.25,"coverage_90":null,"false_stop_rate":0.25,"decision_us_p50":1.04,"decision_us_p99":2.0}"#;

    #[test]
    fn a_whole_file_is_a_row() {
        let set = Set {
            file: "s",
            title: "Set",
            group: None,
        };
        let results = [(&set, rows::parse(LINES).unwrap())];
        let policies = [policy("fixed", "half", true)];
        let text = full(&results, &policies).unwrap();
        assert!(text.starts_with("### Set (3 curves of 20 epochs)\n\n| policy |"));
        let row =
            "| half | 50.5 | 2.02 | 0.75 | 0.12 | 1.50 | 0.50 | 0.00 | 25 | – | 0.25 | 1.0 / 2.0 |";
        assert_eq!(text.trim_end().lines().last(), Some(row));
        let text = short(&results, &policies).unwrap();
        let right = "| curves | half |\n|---|---|\n| Set | 50 % / 0.75 / 0.12 |\n";
        assert_eq!(text, right);
        assert!(short(&results, &[policy("asha", "asha", true)]).is_err());
    }
}
