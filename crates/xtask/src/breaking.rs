//! What the API may not become: buf compares proto/ with an earlier state of it.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::{place, run};

/// Compares proto/ with the baseline. Without one, as in a clone of one commit, it says so.
pub(crate) fn check(buf: &Path) -> Result<()> {
    let Some((commit, why)) = baseline() else {
        println!("buf breaking: no baseline here (no tag, no earlier commit); nothing is compared");
        return Ok(());
    };
    println!("buf breaking: against {commit}, {why}");
    let folder = place::target().join("tmp");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let archive = folder.join(format!("proto-{commit}.tar"));
    let result = export(&commit, &archive).and_then(|()| {
        let against = format!("{}#subdir=proto", archive.display());
        run::shown(run::command(buf).args(["breaking", "proto", "--against", &against]))
    });
    if archive.exists() {
        fs::remove_file(&archive)
            .with_context(|| format!("cannot remove {}", archive.display()))?;
    }
    result
}

/// The commit to compare with, and why that one: what was released last, else where this branch
/// left main, else on main the commit before.
fn baseline() -> Option<(String, &'static str)> {
    let head = git(&["rev-parse", "HEAD"])?;
    if let Some(tag) = git(&["describe", "--tags", "--abbrev=0"]) {
        return Some((
            git(&["rev-parse", &format!("{tag}^{{commit}}")])?,
            "the last tag",
        ));
    }
    let bases = ["origin/main", "main"].into_iter();
    bases
        .filter_map(|main| git(&["merge-base", "HEAD", main]))
        .find(|base| *base != head)
        .map(|base| (base, "where this branch left main"))
        .or_else(|| Some((git(&["rev-parse", "HEAD^"])?, "the commit before")))
}

/// The first line that git answers; `None` where it has no answer.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .current_dir(place::root())
        .args(arguments)
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let answer = String::from_utf8(output.stdout).ok()?;
    let line = answer.lines().next()?.to_owned();
    output.status.success().then_some(line)
}

fn export(commit: &str, archive: &Path) -> Result<()> {
    let file =
        File::create(archive).with_context(|| format!("cannot write {}", archive.display()))?;
    let mut git = run::command("git");
    git.args(["archive", "--format=tar", commit, "proto"])
        .stdout(file);
    let status = git.status().context("cannot start git")?;
    if !status.success() {
        bail!("git has no proto/ in {commit}");
    }
    Ok(())
}
