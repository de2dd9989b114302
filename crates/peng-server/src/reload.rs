//! Files that are read again when they change: tokens and certificates.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::{auth::Tokens, listen::Certificates};

/// How often files are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// What tells one version of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    modified: SystemTime,
    size: u64,
    inode: u64,
}

fn version(path: &PathBuf) -> io::Result<Version> {
    let file = fs::metadata(path)?;
    Ok(Version {
        modified: file.modified()?,
        size: file.size(),
        inode: file.ino(),
    })
}

/// The files that a server reads again.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) tokens: Option<Arc<Tokens>>,
    pub(crate) certificates: Option<Arc<Certificates>>,
}

impl Files {
    /// Reads them again whenever they change, until `leaving`.
    pub(crate) fn follow(self, leaving: CancellationToken) {
        if self.tokens.is_some() || self.certificates.is_some() {
            let following = self.run();
            tokio::spawn(async move { leaving.run_until_cancelled(following).await });
        }
    }

    fn versions(&self) -> (Vec<Option<Version>>, Vec<Option<Version>>) {
        let tokens = self
            .tokens
            .iter()
            .map(|tokens| version(&tokens.path().to_owned()).ok());
        let files = self.certificates.iter().flat_map(|known| known.tls.files());
        (
            tokens.collect(),
            files.map(|path| version(path).ok()).collect(),
        )
    }

    async fn run(self) {
        let (tokens, files) = self.versions();
        let mut seen = (Seen::new(tokens), Seen::new(files));
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let now = self.versions();
            let changed = (seen.0.changed(now.0), seen.1.changed(now.1));
            if let Some(tokens) = self.tokens.as_ref().filter(|_| changed.0) {
                told("tokens", tokens.reload());
            }
            if let Some(files) = self.certificates.as_ref().filter(|_| changed.1) {
                told("certificates", files.reload());
            }
        }
    }
}

/// What was seen of files that are looked at again and again.
#[derive(Debug)]
struct Seen<V> {
    /// When they were read.
    read: V,
    /// Last.
    last: V,
}

impl<V: Clone + PartialEq> Seen<V> {
    fn new(read: V) -> Self {
        let last = read.clone();
        Self { read, last }
    }

    /// Whether they are to be read again: others than were read, and the same as at the last look.
    /// Half a token file is one that has withdrawn tokens.
    fn changed(&mut self, now: V) -> bool {
        let stays = now == self.last;
        self.last = now;
        let changed = stays && self.last != self.read;
        if changed {
            self.read = self.last.clone();
        }
        changed
    }
}

fn told<E: std::error::Error + 'static>(what: &str, read: Result<(), E>) {
    match read {
        Ok(()) => info!("the {what} were read again"),
        Err(error) => error!(
            error = &error as &dyn std::error::Error,
            "the {what} have changed and cannot be used; those from before stay"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_being_written_is_read_once_it_stays_as_it_is() {
        let mut seen = Seen::new(1);
        let looks = [1, 2, 3, 3, 3, 4, 1, 1, 2, 1, 1];
        let changed = looks.map(|version| u8::from(seen.changed(version)));
        assert_eq!(changed, [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]);
    }
}
