use std::{fmt::Write as _, fs};

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
    let groups = groups(&args).unwrap();
    let names: Vec<_> = groups.iter().map(|group| group.name.as_deref()).collect();
    assert_eq!(names, [Some("a"), Some("b")]);
    assert!(groups.iter().all(|group| group.curves.len() == 10));
    let policies = args.policies().unwrap();
    let replay = replay(&args, &groups[0], &policies[0], 1).unwrap();
    assert!(replay.trials.iter().all(|trial| trial.observations == 2));
    let summary = Summary::new(&replay, args.metric.goal(), args.best);
    assert!((summary.epochs_saved - 0.8).abs() < 1e-12, "{summary:?}");
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
    assert!(row.ends_with("1,a_0,5,25,,,STOPPED,RULE,fixed"), "{row}");
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
