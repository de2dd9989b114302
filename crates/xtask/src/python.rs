//! Python: pip for downloads, and virtual environments made of pinned requirements.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{digest, install, place, run};

/// pip as it is on this machine.
pub(crate) fn pip() -> Result<Command> {
    interpreter()?;
    let mut pip = run::command("python3");
    pip.args(["-m", "pip"]);
    let mut probe = run::command("python3");
    probe.args(["-m", "pip", "--version"]);
    run::captured(&mut probe)
        .context("python3 has no pip: install it (Debian: apt-get install python3-pip)")?;
    pip.arg("--disable-pip-version-check");
    Ok(pip)
}

/// The interpreter of the environment that the tests' Python clients run in.
pub(crate) fn tests(cache: &Path) -> Result<PathBuf> {
    let requirements = place::root().join("tests/python/requirements.txt");
    Ok(environment(cache, &requirements)?.join("bin/python"))
}

/// The `bin` folder of the environment with the linters.
pub(crate) fn linters(cache: &Path) -> Result<PathBuf> {
    let requirements = place::root().join("crates/xtask/lint-requirements.txt");
    Ok(environment(cache, &requirements)?.join("bin"))
}

/// A virtual environment with exactly these requirements, made if it is missing.
///
/// It is made in its final place, for its scripts name it, and counts only once it is marked
/// complete. Needs the cache's lock.
fn environment(cache: &Path, requirements: &Path) -> Result<PathBuf> {
    let list = fs::read(requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    let folder = cache.join(format!("python-{}", &digest::of_bytes(&list)[..16]));
    let complete = folder.join("complete");
    if complete.is_file() {
        return Ok(folder);
    }
    interpreter()?;
    install::remove(&folder)?;
    run::shown(run::command("python3").args(["-m", "venv"]).arg(&folder)).context(
        "python3 cannot make a virtual environment (Debian: apt-get install python3-venv)",
    )?;
    run::shown(
        run::command(folder.join("bin/python"))
            .args(["-m", "pip", "install", "--disable-pip-version-check"])
            .args(["--quiet", "--only-binary=:all:", "--requirement"])
            .arg(requirements),
    )
    .context("pip could not fetch the packages; is PyPI reached from here?")?;
    fs::write(&complete, "").with_context(|| format!("cannot write {}", complete.display()))?;
    Ok(folder)
}

fn interpreter() -> Result<()> {
    if !run::is_there("python3") {
        bail!("python3 is missing (Debian: apt-get install python3 python3-pip python3-venv)");
    }
    Ok(())
}
