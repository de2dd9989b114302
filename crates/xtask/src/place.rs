//! Where things lie: the repository, its build folder and the cache folder.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// Cargo's build folder.
pub(crate) fn target() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// The folder downloads are kept in, made if it is missing.
pub(crate) fn cache() -> Result<PathBuf> {
    let folder = given("PENG4NN_CACHE")
        .or_else(|| given("XDG_CACHE_HOME").map(|folder| folder.join("peng4nn")))
        .or_else(|| given("HOME").map(|folder| folder.join(".cache/peng4nn")))
        .context(
            "no place for downloads: set PENG4NN_CACHE to a folder (HOME is not set either)",
        )?;
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make the cache folder {}", folder.display()))?;
    std::path::absolute(&folder).context("cannot name the cache folder absolutely")
}

/// The path in an environment variable that is set and not empty.
pub(crate) fn given(variable: &str) -> Option<PathBuf> {
    env::var_os(variable)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}
