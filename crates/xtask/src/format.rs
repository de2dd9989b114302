//! `cargo xtask fmt`: `cargo fmt`, also of the modules that macros declare.

use std::fs;

use anyhow::{Context, Result};

use crate::{place, run};

/// Folders of modules that have no `mod` line for `cargo fmt` to follow.
const DECLARED_BY_MACRO: [&str; 2] = [
    "crates/peng-predict/src/family",
    "crates/peng-predict/src/policy",
];

/// Arguments of the formatting.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Say what would change, and fail if anything would
    #[arg(long)]
    check: bool,
}

/// Formats everything.
pub(crate) fn run(args: &Args) -> Result<()> {
    format(args.check)
}

/// Fails if anything is not formatted.
pub(crate) fn check() -> Result<()> {
    format(true).context("`cargo xtask fmt` would format it")
}

fn format(check: bool) -> Result<()> {
    let mut fmt = run::cargo();
    fmt.args(["fmt", "--all"]);
    if check {
        fmt.arg("--check");
    }
    fmt.arg("--");
    for folder in DECLARED_BY_MACRO {
        let folder = place::root().join(folder);
        let entries =
            fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            let module = path.join("mod.rs");
            if module.is_file() {
                fmt.arg(module);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                fmt.arg(path);
            }
        }
    }
    run::shown(&mut fmt)
}
