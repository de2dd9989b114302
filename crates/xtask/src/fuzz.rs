//! `cargo xtask fuzz`: the targets of `crates/peng-fuzz`, by cargo-fuzz on the stable toolchain.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::{place, run};

/// By cargo-fuzz.
const TARGETS: [&str; 3] = ["engine", "fits", "curves"];
/// A test of the system, which starts a server and calls it with anything.
const WIRE: &str = "wire";
const VERSION: &str = "0.13.2";

/// Arguments of the fuzzing.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// One target; without it each in turn
    #[arg(value_parser = ["engine", "fits", "curves", WIRE])]
    target: Option<String>,
    /// How long each is run for
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u32,
}

/// Fetches cargo-fuzz if it is missing, builds and runs. What is worth trying again is kept in
/// `target/fuzz/corpus`; an input that is a finding is written beside it and is an error.
pub(crate) fn run(args: &Args) -> Result<()> {
    match args.target.as_deref() {
        Some(WIRE) => wire(args.seconds),
        Some(target) => fuzz(&tool()?, target, args.seconds),
        None => {
            let tool = tool()?;
            TARGETS
                .iter()
                .try_for_each(|target| fuzz(&tool, target, args.seconds))?;
            wire(args.seconds)
        }
    }
}

fn wire(seconds: u32) -> Result<()> {
    run::shown(run::cargo().args(["build", "--locked", "--package", "peng4nn"]))?;
    run::shown(
        run::cargo()
            .args([
                "test",
                "--locked",
                "--package",
                "peng4nn-tests",
                "--test",
                "system",
            ])
            .args(["fuzz::", "--", "--nocapture"])
            .env("PENG4NN_BIN_DIR", place::target().join("debug"))
            .env("PENG4NN_FUZZ_SECONDS", seconds.to_string()),
    )
}

fn tool() -> Result<PathBuf> {
    let root = place::target().join("tools").join(VERSION);
    let tool = root.join("bin/cargo-fuzz");
    if !tool.is_file() {
        run::shown(
            run::cargo()
                .args(["install", "cargo-fuzz", "--locked", "--version", VERSION])
                .arg("--root")
                .arg(&root),
        )
        .context("cargo-fuzz could not be installed; is crates.io reached from here?")?;
    }
    Ok(tool)
}

fn fuzz(tool: &PathBuf, target: &str, seconds: u32) -> Result<()> {
    let folder = place::target().join("fuzz");
    let [corpus, findings] = ["corpus", "findings"].map(|kind| folder.join(kind).join(target));
    for made in [&corpus, &findings] {
        fs::create_dir_all(made).with_context(|| format!("cannot make {}", made.display()))?;
    }
    // Coverage alone: the sanitizers look for undefined behaviour, of which safe code has none,
    // and need another toolchain.
    let mut fuzz = run::command(tool);
    fuzz.args(["run", target, "--fuzz-dir", "crates/peng-fuzz"])
        .args(["--sanitizer", "none", "--target-dir"])
        .arg(&folder)
        .arg(&corpus)
        .arg("--")
        .arg(format!("-artifact_prefix={}/", findings.display()))
        .arg(format!("-max_total_time={seconds}"))
        .args(["-timeout=10", "-max_len=4096", "-print_final_stats=1"]);
    if run::shown(&mut fuzz).is_err() {
        bail!(
            "`{target}` has a finding; its input is in {}",
            findings.display()
        );
    }
    Ok(())
}
