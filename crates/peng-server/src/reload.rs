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
        let mut known = self.versions();
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let now = self.versions();
            if let Some(tokens) = self.tokens.as_ref().filter(|_| now.0 != known.0) {
                told("tokens", tokens.reload());
            }
            if let Some(files) = self.certificates.as_ref().filter(|_| now.1 != known.1) {
                told("certificates", files.reload());
            }
            known = now;
        }
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
