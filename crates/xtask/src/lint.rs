//! Lints of what cargo does not see: the API in proto/ and the files in deploy/.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::install::Lock;
use crate::{breaking, place, python, run};

/// Runs buf over proto/, compared with what it was, hadolint over Dockerfiles and yamllint over YAML files.
pub(crate) fn run() -> Result<()> {
    let cache = place::cache()?;
    let tools = {
        let _lock = Lock::wait(&cache)?;
        python::linters(&cache)?
    };
    let buf = tools.join("buf");
    run::shown(run::command(&buf).args(["lint", "proto"]))?;
    breaking::check(&buf)?;
    let files = files(&place::root().join("deploy"))?;
    let docker = named(&files, |name| name.contains("Dockerfile"));
    let yaml = named(&files, |name| {
        [".yaml", ".yml"].iter().any(|end| name.ends_with(end))
    });
    if docker.is_empty() || yaml.is_empty() {
        bail!("deploy/ holds no Dockerfile or no YAML file to lint");
    }
    run::shown(run::command(tools.join("hadolint")).args(docker))?;
    run::shown(
        run::command(tools.join("yamllint"))
            .args(["--strict", "--config-data"])
            .arg("{extends: default, rules: {document-start: disable, line-length: {max: 120}}}")
            .args(yaml),
    )
}

fn named(files: &[PathBuf], fits: impl Fn(&str) -> bool) -> Vec<&PathBuf> {
    files
        .iter()
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| fits(&name.to_string_lossy()))
        })
        .collect()
}

/// All files in a folder and those below, sorted.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
