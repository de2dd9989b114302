//! `cargo xtask results`: every policy on every set of curves, and the figures into the pages.

mod markers;
mod rows;
mod tables;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::{place, run};
use rows::Row;

/// A set of recorded curves.
pub(crate) struct Set {
    /// The file's name in the folder, without `.csv.gz`.
    file: &'static str,
    title: &'static str,
    /// What tells its experiments apart, where it has several.
    group: Option<&'static str>,
}

const SETS: [Set; 6] = [
    Set {
        file: "svhn_metaqnn",
        title: "SVHN, MetaQNN",
        group: None,
    },
    Set {
        file: "cifar10_metaqnn",
        title: "CIFAR-10, MetaQNN",
        group: None,
    },
    Set {
        file: "tinyimagenet_resnets",
        title: "TinyImageNet, ResNets",
        group: None,
    },
    Set {
        file: "xfel_a4nn",
        title: "XFEL, A4NN",
        group: Some("^1e1[456]"),
    },
    Set {
        file: "fmnist_2c2d",
        title: "Fashion-MNIST, 2c2d",
        group: None,
    },
    Set {
        file: "cifar100_allcnnc",
        title: "CIFAR-100, All-CNN-C",
        group: None,
    },
];

/// A policy as the command line takes it, and what the tables call it.
pub(crate) struct Policy {
    given: &'static str,
    title: &'static str,
    /// Whether the short table has it.
    short: bool,
}

/// A policy, told by what the command line takes.
const fn policy(given: &'static str, title: &'static str, short: bool) -> Policy {
    Policy {
        given,
        title,
        short,
    }
}

/// A new policy is a line here.
const POLICIES: [Policy; 16] = [
    policy("fixed:epoch=1000000", "full training", false),
    policy("fixed:share=0.25", "everything stopped at 25 %", true),
    policy("fixed:share=0.5", "everything stopped at 50 %", false),
    policy("peng4nn", "`peng4nn`, the published rule", true),
    policy("median", "`median`", false),
    policy("asha", "`asha`, first rung at 1 epoch", false),
    policy(
        "asha:first_share=0.1111",
        "`asha`, first rung at a ninth",
        true,
    ),
    policy("hyperband", "`hyperband`", false),
    policy("patience", "`patience`, 0.1 point in 5 epochs", false),
    policy("adaptive:risk=0.1", "`adaptive`, risk 0.1", false),
    policy("adaptive:risk=0.5", "`adaptive`, risk 0.5", false),
    policy("adaptive", "`adaptive`", true),
    policy("adaptive:risk=1", "`adaptive`, risk 1", false),
    policy("adaptive:tolerance=10", "`adaptive`, tolerance 10", false),
    policy(
        "adaptive:risk=0.5,tolerance=10",
        "`adaptive`, risk 0.5, tolerance 10",
        false,
    ),
    policy(
        "adaptive:risk=0.75,tolerance=10",
        "`adaptive`, risk 0.75, tolerance 10",
        false,
    ),
];

/// Which of them [`tables::rival`] holds `adaptive` against: the best of those that save much.
const RIVAL: &str = "asha:first_share=0.1111";

/// The pages with tables, and the mark that a table is put after.
const PAGE: &str = "docs/results.md";
const README: &str = "README.md";

/// Arguments of the task.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder with the curves, `svhn_metaqnn.csv.gz` and five more: docs/results.md says
    /// where they come from.
    #[arg(long, value_name = "DIR")]
    curves: PathBuf,
}

/// Builds, replays, and writes the tables.
pub(crate) fn run(args: &Args) -> Result<()> {
    let folder = std::path::absolute(&args.curves)?;
    for set in &SETS {
        let file = path(&folder, set);
        ensure!(file.is_file(), "--curves: {} is missing", file.display());
    }
    run::shown(run::cargo().args(["build", "--release", "--locked", "--package=peng4nn"]))?;
    let mut results = Vec::new();
    for set in &SETS {
        results.push((set, replay(&folder, set)?));
    }
    write(PAGE, "tables", &tables::full(&results, &POLICIES)?)?;
    write(PAGE, "rival", &tables::rival(&results, &POLICIES, RIVAL)?)?;
    write(PAGE, "short", &tables::short(&results, &POLICIES)?)?;
    write(README, "short", &tables::short(&results, &POLICIES)?)?;
    println!("{PAGE} and {README} have the figures");
    Ok(())
}

fn path(folder: &Path, set: &Set) -> PathBuf {
    folder.join(format!("{}.csv.gz", set.file))
}

/// A row for each policy, in their order.
fn replay(folder: &Path, set: &Set) -> Result<Vec<Row>> {
    let mut evaluate = run::command(place::target().join("release/peng4nn"));
    evaluate.args(["evaluate", "--format", "json", "--threads", "1", "--curves"]);
    evaluate.arg(path(folder, set));
    if let Some(group) = set.group {
        evaluate.args(["--group", group]);
    }
    evaluate.arg("--policy");
    evaluate.args(POLICIES.iter().map(|policy| policy.given));
    rows::parse(&run::captured(&mut evaluate)?)
}

fn write(page: &str, mark: &str, table: &str) -> Result<()> {
    let path = place::root().join(page);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {page}"))?;
    let text = markers::replace(&text, mark, table).with_context(|| format!("in {page}"))?;
    fs::write(&path, text).with_context(|| format!("cannot write {page}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_have_a_place_for_every_table() {
        let places = [
            (PAGE, "tables"),
            (PAGE, "rival"),
            (PAGE, "short"),
            (README, "short"),
        ];
        for (page, mark) in places {
            let text = fs::read_to_string(place::root().join(page)).unwrap();
            let filled = markers::replace(&text, mark, "new\n").unwrap();
            assert!(filled.contains("\nnew\n"), "{page}: {mark}");
        }
    }
}
