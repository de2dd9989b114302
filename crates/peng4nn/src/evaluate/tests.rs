use std::{fmt::Write as _, fs, path::Path};

use clap::Parser;

use super::*;
use crate::cli::{Cli, Command};

/// Twenty curves of two kinds, in a file of its own.
fn file() -> tempfile::NamedTempFile {
    let mut text = String::from("curve_id,epoch,val_accuracy\n");
    for curve in 0..20_u32 {
        let kind = if curve % 2 == 0 { "a" } else { "b" };
        for epoch in 1..=10 {
            let value = curve + 5 * epoch;
            writeln!(text, "{kind}_{curve},{epoch},{value}").unwrap();
        }
    }
    let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    fs::write(file.path(), text).unwrap();
    file
}

fn args(path: &Path, more: &[&str]) -> EvaluateArgs {
    let path = path.to_str().unwrap();
    let given = ["peng4nn", "evaluate", "--curves", path]
        .into_iter()
        .chain(more.iter().copied());
    match Cli::try_parse_from(given).unwrap().command {
        Command::Evaluate(args) => *args,
        other => panic!("{other:?}"),
    }
}

#[test]
fn policies_stand_side_by_side_for_every_group() {
    let file = file();
    let more = ["--policy", "fixed:epoch=2", "asha", "--group", "^([ab])_"];
    let args = args(file.path(), &more);
    let groups = groups::read(&args).unwrap();
    let names: Vec<_> = groups.iter().map(|group| group.name.as_deref()).collect();
    assert_eq!(names, [Some("a"), Some("b")]);
    assert!(groups.iter().all(|group| group.curves.len() == 10));
    let policies = args.policies().unwrap();
    let runs = replays::run(&args, &groups, &policies).unwrap();
    let used = runs[0].replay.trials.iter().map(|trial| trial.observations);
    assert!(used.eq([2; 10]));
    let rows = rows::new(&runs, &groups, 2, args.metric.goal(), args.best);
    let names: Vec<_> = rows
        .iter()
        .map(|row| (row.group, &*row.policy.label))
        .collect();
    let (fixed, asha) = ("fixed:epoch=2", "asha");
    let a_b = [Some("a"), Some("b"), None];
    let right = a_b.map(|group| [(group, fixed), (group, asha)]);
    assert_eq!(names, right.concat());
    assert!((rows[0].summary.epochs_saved - 0.8).abs() < 1e-12);
    assert_eq!(rows[4].curves, 20);
    let kept = |row: usize| rows[row].summary.best_kept;
    assert!((kept(5) - f64::midpoint(kept(1), kept(3))).abs() < 1e-12);
}

#[test]
fn neither_threads_nor_the_order_of_rows_matter() {
    let file = file();
    let text = fs::read_to_string(file.path()).unwrap();
    let (head, rows) = text.split_once('\n').unwrap();
    let backwards: Vec<&str> = rows.lines().rev().collect();
    let other = tempfile::NamedTempFile::new().unwrap();
    fs::write(other.path(), format!("{head}\n{}\n", backwards.join("\n"))).unwrap();
    let trials = |path: &Path, threads: &str| {
        let more = ["--policy", "asha", "median", "--threads", threads];
        let args = args(path, &more);
        let (policies, groups) = (args.policies().unwrap(), groups::read(&args).unwrap());
        let runs = replays::run(&args, &groups, &policies).unwrap();
        runs.into_iter()
            .map(|run| run.replay.trials)
            .collect::<Vec<_>>()
    };
    let one = trials(file.path(), "1");
    assert_eq!(one, trials(file.path(), "3"));
    assert_eq!(one, trials(other.path(), "2"));
}

#[test]
fn losses_are_ranked_from_below() {
    let file = file();
    let more = ["--policy", "fixed:epoch=1", "--goal", "minimize"];
    let args = args(file.path(), &more);
    let (policies, groups) = (args.policies().unwrap(), groups::read(&args).unwrap());
    assert!((groups[0].range.upper() - 69.0).abs() < 1e-12);
    let runs = replays::run(&args, &groups, &policies).unwrap();
    let rows = rows::new(&runs, &groups, 1, args.metric.goal(), args.best);
    // All rise alike: the order at epoch 1 is that at the end.
    assert!((rows[0].summary.best_kept - 1.0).abs() < 1e-12);
    assert!(rows[0].summary.regret.abs() < 1e-12);
}

#[test]
fn every_curve_is_a_row_of_the_per_trial_file() {
    let file = file();
    let out = tempfile::NamedTempFile::new().unwrap();
    let path = out.path().to_str().unwrap();
    let more = ["--policy", "fixed", "--seeds", "2", "--per-trial", path];
    assert_eq!(run(&args(file.path(), &more)).unwrap(), Ending::Done);
    let text = fs::read_to_string(out.path()).unwrap();
    assert_eq!(text.lines().count(), 1 + 2 * 20);
    let row = text.lines().nth(1).unwrap();
    assert!(row.ends_with("1,a_0,5,25,,,STOPPED,RULE"), "{row}");
    let more = ["--policy", "fixed", "asha", "--per-trial", path];
    run(&args(file.path(), &more)).unwrap();
    let text = fs::read_to_string(out.path()).unwrap();
    assert!(text.lines().nth(1).unwrap().ends_with("STOPPED,RULE,fixed"));
}

#[test]
fn curves_that_end_early_are_counted() {
    let file = file();
    let text = fs::read_to_string(file.path()).unwrap();
    let short = "c_1,3,50\nc_2,9,60\nd_1,9,40\nd_2,1,50\nd_2,2,nan\n";
    fs::write(file.path(), format!("{text}{short}")).unwrap();
    let count = |more: &[&str]| {
        let groups = groups::read(&args(file.path(), more)).unwrap();
        groups.iter().map(groups::Group::short).collect::<Vec<_>>()
    };
    assert_eq!(count(&[]), [3]);
    assert_eq!(count(&["--target", "9"]), [1]);
    // An experiment's target is its own last epoch.
    assert_eq!(count(&["--group", "^[a-z]"]), [0, 0, 1, 0]);
}

#[test]
fn a_name_without_a_group_is_an_error() {
    let file = file();
    let args = args(file.path(), &["--group", "^a"]);
    let failure = groups::read(&args).err().unwrap();
    assert!(failure.to_string().contains("`b_1`"), "{failure}");
}

#[test]
fn the_parts_of_a_file_are_the_file() {
    let file = file();
    let ids = |split: &str| -> Vec<String> {
        let groups = groups::read(&args(file.path(), &["--split", split])).unwrap();
        let curves = groups.iter().flat_map(|group| &group.curves);
        curves.map(|curve| curve.id.clone()).collect()
    };
    let (whole, halves) = (ids("0/1"), [ids("0/2"), ids("1/2")]);
    assert_eq!(whole.len(), 20);
    assert!(halves.iter().all(|half| half.len() > 4), "{halves:?}");
    let mut both = halves.concat();
    both.sort();
    assert_eq!(both, whole);
    let one = fs::read_to_string(file.path()).unwrap();
    let one: Vec<&str> = one.lines().take(2).collect();
    fs::write(file.path(), one.join("\n")).unwrap();
    let empty = ["0/2", "1/2"].map(|part| groups::read(&args(file.path(), &["--split", part])));
    let failures: Vec<_> = empty.into_iter().filter_map(Result::err).collect();
    assert_eq!(failures.len(), 1);
    assert!(
        failures[0].to_string().contains("--split"),
        "{}",
        failures[0]
    );
}

#[test]
fn what_is_wrong_with_a_policy_is_said() {
    let file = file();
    for (more, word) in [
        (["--policy", "asha:factor=1"], "factor"),
        (["--policy", "asha:factor"], "key=value"),
        (["--policy", "halving"], "hyperband"),
        (["--set", "fctor=3"], "fctor"),
    ] {
        let Err(failure) = args(file.path(), &more).policies() else {
            panic!("{more:?} passed");
        };
        assert!(failure.to_string().contains(word), "{failure}");
    }
}

#[test]
fn a_policy_that_keeps_account_of_its_predictions_tells_it_over_all_orders() {
    let file = file();
    let policy = "adaptive:explore=1,risk=1,best_fraction=0.5";
    let args = args(file.path(), &["--policy", policy, "fixed", "--seeds", "2"]);
    let (policies, groups) = (args.policies().unwrap(), groups::read(&args).unwrap());
    let runs = replays::run(&args, &groups, &policies).unwrap();
    let rows = rows::new(&runs, &groups, 2, args.metric.goal(), args.best);
    let account = rows[0].summary.calibration.unwrap();
    assert!(account.stops > 0 && account.covered_50 <= account.covered_90);
    assert!(account.best > account.lost_best && (account.risk - 1.0).abs() < 1e-12);
    assert_eq!(rows[1].summary.calibration, None);
    let (mut table, mut json) = (Vec::new(), Vec::new());
    text::write(&mut table, &rows).unwrap();
    json::write(&mut json, &rows).unwrap();
    let table = String::from_utf8(table).unwrap();
    let line = format!(
        "of {} checked stops lie in their 50 % interval",
        account.stops
    );
    assert_eq!(table.matches(&line).count(), 1, "{table}");
    let first = json.split(|byte| *byte == b'\n').next().unwrap();
    let told: serde_json::Value = serde_json::from_slice(first).unwrap();
    assert_eq!(told["calibration"]["stops"], account.stops);
}

#[test]
fn schedules_of_a_file_reach_the_policy() {
    let file = file();
    let text = fs::read_to_string(file.path()).unwrap();
    let rates = tempfile::NamedTempFile::new().unwrap();
    let rows = text.lines().enumerate().map(|(line, row)| match line {
        0 => format!("{row},rate\n"),
        _ if row.starts_with('a') => format!("{row},constant\n"),
        _ => format!("{row},steps=9\n"),
    });
    fs::write(rates.path(), rows.collect::<String>()).unwrap();
    let policy = ["--policy", "adaptive:startup_trials=3,explore=0"];
    let reasons = |path: &Path, more: &[&str]| {
        let args = args(path, &[&policy[..], more].concat());
        let (policies, groups) = (args.policies().unwrap(), groups::read(&args).unwrap());
        let runs = replays::run(&args, &groups, &policies).unwrap();
        runs.into_iter()
            .map(|run| run.replay.trials)
            .collect::<Vec<_>>()
    };
    let untold = reasons(file.path(), &[]);
    // One schedule for all changes nothing, several do.
    assert_eq!(untold, reasons(file.path(), &["--schedule", "steps=5"]));
    assert_ne!(
        untold,
        reasons(rates.path(), &["--schedule-column", "rate"])
    );
}
