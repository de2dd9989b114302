use std::{fmt::Write as _, fs};

use clap::Parser;

use crate::{
    cli::{Cli, Command},
    evaluate,
};

/// Curves of which one diverges, one is a single point, and most rise to values of their own.
fn curves() -> String {
    let mut text =
        String::from("curve_id,epoch,val_accuracy\na_short,1,50\na_lost,1,9\na_lost,2,nan\n");
    for curve in 0..30_i32 {
        let kind = if curve % 3 == 0 { "a" } else { "b" };
        for epoch in 1..=12 {
            let value = f64::from(60 + curve) * (1.0 - f64::powi(1.6, -epoch));
            writeln!(text, "{kind}_{curve},{epoch},{value}").unwrap();
        }
    }
    text
}

fn svg(more: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a<b.csv");
    fs::write(&file, curves()).unwrap();
    let out = folder.path().join("out.svg");
    let given = ["peng4nn", "evaluate", "--curves", file.to_str().unwrap()]
        .into_iter()
        .chain(["--plot", out.to_str().unwrap()])
        .chain(more.iter().copied());
    let Command::Evaluate(args) = Cli::try_parse_from(given).unwrap().command else {
        panic!("not evaluate");
    };
    evaluate::run(&args).unwrap();
    fs::read_to_string(&out).unwrap()
}

fn count(svg: &str, what: &str) -> usize {
    svg.matches(what).count()
}

/// The texts of the figure, each on a line of its own.
fn texts(svg: &str) -> Vec<&str> {
    svg.lines().filter(|line| !line.contains('<')).collect()
}

#[test]
fn each_experiment_has_panels_and_each_policy_a_number_in_each() {
    let svg = svg(&["--group", "^[ab]", "--policy", "peng4nn", "fixed", "asha"]);
    assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"));
    let texts = texts(&svg);
    let times = |text: &str| texts.iter().filter(|other| other.trim() == text).count();
    for experiment in ["a&lt;b a", "a&lt;b b"] {
        assert_eq!(times(experiment), 1, "{texts:?}");
    }
    assert_eq!(times("share of the best kept"), 2);
    for policy in ["peng4nn", "fixed", "asha"] {
        assert_eq!(times(policy), 1);
    }
    // A mark in the legend, and a number that is not that of an axis beside each point.
    for number in ["1", "2", "3"] {
        assert!(times(number) >= 3, "{number}: {texts:?}");
    }
}

#[test]
fn variants_of_a_policy_are_joined() {
    let set = ["--policy", "fixed", "--set", "epoch=2", "--set", "epoch=9"];
    let (one, two) = (svg(&set[..4]), svg(&set));
    // Curves are lines, too; the join of the two points is one more.
    assert_eq!(count(&two, "fixed:epoch="), 3);
    let joined = |svg: &str| {
        svg.lines()
            .filter(|line| line.starts_with("<polyline") && line.contains("#808080"))
            .count()
    };
    assert_eq!((joined(&one), joined(&two)), (0, 1));
}

#[test]
fn a_figure_is_the_same_every_time_and_has_numbers_only() {
    for goal in ["maximize", "minimize"] {
        let figure = svg(&["--goal", goal]);
        assert_eq!(figure, svg(&["--goal", goal, "--threads", "1"]));
        assert!(!figure.contains("NaN") && !figure.contains("inf"));
    }
}

#[test]
fn one_curve_is_enough() {
    let figure = svg(&["--group", "_.*"]);
    assert_eq!(count(&figure, "epochs saved, %"), 32);
}
