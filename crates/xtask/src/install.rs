//! Installing a folder whole or not at all.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Held while the cache is changed, so that two set-ups at a time do not meet.
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for the cache folder's lock; it opens again when the value is dropped.
    pub(crate) fn wait(cache: &Path) -> Result<Self> {
        let path = cache.join(".lock");
        let file =
            File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        file.lock()
            .with_context(|| format!("cannot lock {}", path.display()))?;
        Ok(Self { _file: file })
    }
}

/// A folder that is removed again unless it is kept.
struct Partial(PathBuf);

impl Drop for Partial {
    fn drop(&mut self) {
        let _ = remove(&self.0);
    }
}

/// Fills a folder beside `target` and renames it to `target` when `fill` has succeeded.
/// Needs the [`Lock`]; what an interrupted run left behind is removed first.
pub(crate) fn folder(target: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let (Some(parent), Some(name)) = (target.parent(), target.file_name()) else {
        bail!("{} is no place to install to", target.display());
    };
    let partial = Partial(parent.join(format!(".{}.partial", name.to_string_lossy())));
    remove(&partial.0)?;
    fs::create_dir_all(&partial.0)
        .with_context(|| format!("cannot make {}", partial.0.display()))?;
    fill(&partial.0)?;
    remove(target)?;
    fs::rename(&partial.0, target)
        .with_context(|| format!("cannot move {} into place", target.display()))
}

/// Removes a file, a link or a whole folder; it is no error if there is none.
pub(crate) fn remove(path: &Path) -> Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Moves a file or folder, making the folders above it.
pub(crate) fn move_into(from: &Path, to: &Path) -> Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    }
    fs::rename(from, to)
        .with_context(|| format!("cannot move {} to {}", from.display(), to.display()))
}
