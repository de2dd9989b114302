//! Tables in Markdown.

use std::fmt::Write as _;

use anyhow::{Context, Result};

use super::rows::Row;
use super::{Policy, Set};

const HEAD: &str = "\
| policy | saved, % | times | best kept | means | error | tau | regret | in 50 %, % | in 90 %, % \
| lost | front | µs, median / p99 |
|---|---|---|---|---|---|---|---|---|---|---|---|---|
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
            let row = find(rows, policy)?;
            writeln!(text, "| {} | {} |", policy.title, figures(row, rows))?;
        }
        text.push('\n');
    }
    Ok(text)
}

/// A row of a table; `rows` are all of the set.
fn figures(row: &Row, rows: &[Row]) -> String {
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
        if rows.iter().any(|other| dominates(other, row)) {
            String::new()
        } else {
            "yes".to_owned()
        },
        format!("{:.1} / {:.1}", row.decision_us_p50, row.decision_us_p99),
    ]
    .join(" | ")
}

/// Whether one saves and keeps as much as the other, to what the tables show, and more of one.
fn dominates(one: &Row, other: &Row) -> bool {
    let shown = |row: &Row| {
        let saved = (1000.0 * row.epochs_saved).round();
        let kept = (100.0 * row.best_kept).round();
        (saved, kept)
    };
    let ((saved, kept), (other_saved, other_kept)) = (shown(one), shown(other));
    saved >= other_saved && kept >= other_kept && (saved > other_saved || kept > other_kept)
}

/// A row for each set: a rival, and the `adaptive` that saves most nearly as much.
pub(super) fn rival(
    results: &[(&Set, Vec<Row>)],
    policies: &[Policy],
    given: &str,
) -> Result<String> {
    let rival = policies.iter().find(|policy| policy.given == given);
    let rival = rival.with_context(|| format!("no policy `{given}`"))?;
    let mut text = format!(
        "| curves | {}: saved / kept / error | `adaptive` beside it | saved / kept / error |\n\
         |---|---|---|---|\n",
        rival.title
    );
    for (set, rows) in results {
        let theirs = find(rows, rival)?;
        let away = |row: &Row| (row.epochs_saved - theirs.epochs_saved).abs();
        let ours = rows
            .iter()
            .filter(|row| row.policy.starts_with("adaptive"))
            .min_by(|a, b| away(a).total_cmp(&away(b)));
        let ours = ours.context("no row of `adaptive`")?;
        let title = policies.iter().find(|policy| policy.given == ours.policy);
        let title = title.map_or(ours.policy.as_str(), |policy| policy.title);
        let [theirs, ours] = [theirs, ours].map(|row| {
            format!(
                "{:.1} % / {:.2} / {:.2}",
                100.0 * row.epochs_saved,
                row.best_kept,
                row.mae
            )
        });
        writeln!(text, "| {} | {theirs} | {title} | {ours} |", set.title)?;
    }
    Ok(text)
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
        let row = "| half | 50.5 | 2.02 | 0.75 | 0.12 | 1.50 | 0.50 | 0.00 | 25 | – | 0.25 | yes | 1.0 / 2.0 |";
        assert_eq!(text.trim_end().lines().last(), Some(row));
        let text = short(&results, &policies).unwrap();
        let right = "| curves | half |\n|---|---|\n| Set | 50 % / 0.75 / 0.12 |\n";
        assert_eq!(text, right);
        assert!(short(&results, &[policy("asha", "asha", true)]).is_err());
    }

    /// A row of these figures.
    fn row(policy: &str, saved: f64, kept: f64) -> String {
        let last = LINES.lines().next_back().unwrap();
        last.replace("\"fixed\"", &format!("\"{policy}\""))
            .replace("saved\":0.505", &format!("saved\":{saved}"))
            .replace("kept\":0.75", &format!("kept\":{kept}"))
    }

    #[test]
    fn the_front_is_what_nothing_else_beats_and_a_rival_meets_what_saves_as_much() {
        let set = Set {
            file: "s",
            title: "Set",
            group: None,
        };
        let lines = [
            row("asha", 0.7, 0.6),
            row("adaptive", 0.5, 0.9),
            row("adaptive:risk=1", 0.69, 0.8),
            row("median", 0.69, 0.5),
        ];
        let results = [(&set, rows::parse(&lines.join("\n")).unwrap())];
        let policies = [
            policy("asha", "asha", true),
            policy("adaptive", "ours", true),
            policy("adaptive:risk=1", "ours, bold", true),
            policy("median", "median", true),
        ];
        let text = full(&results, &policies).unwrap();
        let on_front = |title: &str| {
            let begin = format!("| {title} |");
            let line = text.lines().find(|line| line.starts_with(&begin)).unwrap();
            line.contains("| yes |")
        };
        let titles = ["asha", "ours", "ours, bold", "median"];
        assert_eq!(titles.map(on_front), [true, true, true, false]);
        let text = rival(&results, &policies, "asha").unwrap();
        let right = "| Set | 70.0 % / 0.60 / 1.50 | ours, bold | 69.0 % / 0.80 / 1.50 |";
        assert_eq!(text.lines().last(), Some(right));
        assert!(rival(&results, &policies, "other").is_err());
    }
}
