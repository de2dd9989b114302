//! Where checkpoints and trained networks are kept.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use peng_nets::export::Description;
use peng_proto::search::Assignment;

/// What is kept, and where.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keep {
    /// The folder of checkpoints; none are written without.
    pub(crate) checkpoints: Option<PathBuf>,
    /// Between two checkpoints of a training.
    pub(crate) every: Duration,
    /// The folder of trained networks; none are written without.
    pub(crate) networks: Option<PathBuf>,
    /// How many networks of a search are kept.
    pub(crate) best: usize,
}

impl Keep {
    /// The folder of a candidate's checkpoint.
    pub(super) fn checkpoint(&self, assignment: &Assignment) -> Option<PathBuf> {
        let candidate = &assignment.candidate;
        let folder = self.checkpoints.as_ref()?;
        Some(
            folder
                .join(candidate.search.0.as_str())
                .join(candidate.id.as_str()),
        )
    }

    /// The folder of a search's networks.
    pub(super) fn networks(&self, assignment: &Assignment) -> Option<PathBuf> {
        let folder = self.networks.as_ref()?;
        Some(folder.join(assignment.candidate.search.0.as_str()))
    }

    /// Removes all networks of a folder but the most accurate ones. What cannot be read is left.
    pub(super) fn prune(&self, folder: &Path) {
        let mut networks: Vec<(f64, PathBuf)> = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "json")
            })
            .filter_map(|path| {
                let text = fs::read(&path).ok()?;
                let description: Description = serde_json::from_slice(&text).ok()?;
                Some((description.accuracy, path))
            })
            .collect();
        networks.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        for (_, path) in networks.iter().skip(self.best) {
            // The description first: without it the others are no network.
            for extension in ["json", "safetensors", "pt"] {
                // Another slot may have removed it.
                let _ = fs::remove_file(path.with_extension(extension));
            }
        }
    }
}
