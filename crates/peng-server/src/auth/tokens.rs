//! The token file in memory.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use subtle::ConstantTimeEq;

use super::{
    entry::{Entry, NotAnEntry},
    token::Digest,
};

/// Why a token file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read.
    #[error("cannot read the token file {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A line is no entry.
    #[error("{path}, line {line}")]
    Line {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        source: NotAnEntry,
    },
    /// A token stands in it twice.
    #[error(
        "{path}, line {line}: the token of line {before} again; one line a token would be right"
    )]
    Twice {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// From 1.
        before: usize,
    },
}

/// The tokens that are good now.
#[derive(Debug)]
pub(crate) struct Tokens {
    path: PathBuf,
    entries: RwLock<Vec<Arc<Entry>>>,
}

impl Tokens {
    /// Reads the file.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        Ok(Self {
            path: path.to_owned(),
            entries: RwLock::new(parse(path)?),
        })
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file again. Calls under way keep the tokens that are still in it;
    /// if it cannot be used, all stays as it was.
    pub(crate) fn reload(&self) -> Result<(), Error> {
        let mut fresh = parse(&self.path)?;
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        for old in entries.iter() {
            match fresh.iter_mut().find(|new| new == &old) {
                Some(same) => *same = old.clone(),
                None => old.withdraw(),
            }
        }
        *entries = fresh;
        Ok(())
    }

    /// The entry of the token that a caller presents. Takes as long whichever it
    /// is, and if it is none.
    pub(crate) fn find(&self, presented: &str) -> Option<Arc<Entry>> {
        let digest = Digest::of(presented);
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let mut found = None;
        for entry in entries.iter() {
            if bool::from(entry.digest().ct_eq(&digest)) {
                found = Some(entry);
            }
        }
        found.cloned()
    }
}

fn parse(path: &Path) -> Result<Vec<Arc<Entry>>, Error> {
    let text = fs::read_to_string(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })?;
    let mut entries: Vec<(usize, Arc<Entry>)> = Vec::new();
    for (index, text) in text.lines().enumerate() {
        let (text, line) = (text.trim(), index + 1);
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let entry: Entry = text.parse().map_err(|source| Error::Line {
            path: path.to_owned(),
            line,
            source,
        })?;
        let same = entries
            .iter()
            .find(|(_, known)| known.digest() == entry.digest());
        if let Some((before, _)) = same {
            return Err(Error::Twice {
                path: path.to_owned(),
                line,
                before: *before,
            });
        }
        entries.push((line, Arc::new(entry)));
    }
    Ok(entries.into_iter().map(|(_, entry)| entry).collect())
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::auth::Token;

    fn line(token: &Token, name: &str) -> String {
        format!("{name} {} never read:experiments/*\n", token.digest())
    }

    #[test]
    fn a_token_that_is_taken_out_of_the_file_is_withdrawn_and_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        let (kept, gone, new) = ([1; 32], [2; 32], [3; 32]);
        let [kept, gone, new] = [kept, gone, new].map(Token::from_entropy);
        let before = format!("# who\n\n{}{}", line(&kept, "kept"), line(&gone, "gone"));
        fs::write(&path, before).unwrap();
        let tokens = Tokens::read(&path).unwrap();
        let held = [&kept, &gone].map(|token| tokens.find(token.reveal()).unwrap());
        fs::write(&path, line(&kept, "kept") + &line(&new, "new")).unwrap();
        tokens.reload().unwrap();
        let good = held.map(|entry| entry.is_good(SystemTime::now()));
        assert_eq!(good, [true, false]);
        assert!(tokens.find(gone.reveal()).is_none());
        assert_eq!(tokens.find(new.reveal()).unwrap().name(), "new");
    }

    #[test]
    fn a_file_that_cannot_be_used_changes_nothing_and_names_the_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        let token = Token::from_entropy([1; 32]);
        fs::write(&path, line(&token, "w")).unwrap();
        let tokens = Tokens::read(&path).unwrap();
        fs::write(&path, "# one\nw never\n").unwrap();
        let error = tokens.reload().unwrap_err().to_string();
        assert!(error.ends_with("tokens, line 2"), "{error}");
        fs::write(&path, line(&token, "a") + &line(&token, "b")).unwrap();
        assert!(matches!(
            tokens.reload(),
            Err(Error::Twice {
                line: 2,
                before: 1,
                ..
            })
        ));
        assert!(tokens.find(token.reveal()).is_some());
    }
}
