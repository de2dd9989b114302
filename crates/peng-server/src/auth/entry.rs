//! A line of the token file.

use std::{
    fmt,
    str::FromStr,
    sync::atomic::{AtomicBool, Ordering},
    time::SystemTime,
};

use jiff::Timestamp;
use peng_proto::names;

use super::{
    scope::{NotAScope, Right, Scope},
    token::{Digest, NotADigest},
};

/// A token as the file knows it: `name sha256:.. expires scope ..`.
#[derive(Debug)]
pub struct Entry {
    name: String,
    digest: Digest,
    expires: Option<Timestamp>,
    scopes: Vec<Scope>,
    /// Set when the file no longer has it: calls under way end by it.
    withdrawn: AtomicBool,
}

/// Why a line is no entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAnEntry {
    /// Something is missing.
    #[error(
        "has too few words, {0}; a name, a digest, the time when it expires (or `never`) and one scope or more would be right"
    )]
    Short(usize),
    /// The name cannot be one.
    #[error("the name `{0}` is none; 1 to 63 of a-z, A-Z, 0-9, '.', '_' and '-' would be right")]
    Name(String),
    /// The second word.
    #[error("the second word {0}")]
    Digest(#[from] NotADigest),
    /// The third word.
    #[error("`{0}` is no time; one like 2027-01-31T00:00:00Z, or `never`, would be right")]
    Expires(String),
    /// A later word.
    #[error(transparent)]
    Scope(#[from] NotAScope),
}

impl Entry {
    /// A token's entry; `name` is for people, `expires` the first moment at which
    /// the token is no longer good.
    pub fn new(
        name: &str,
        digest: Digest,
        expires: Option<Timestamp>,
        scopes: Vec<Scope>,
    ) -> Result<Self, NotAnEntry> {
        let of_a_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if !(1..=63).contains(&name.len()) || !name.bytes().all(of_a_name) {
            return Err(NotAnEntry::Name(name.chars().take(100).collect()));
        }
        if scopes.is_empty() {
            return Err(NotAnEntry::Short(3));
        }
        Ok(Self {
            name: name.to_owned(),
            digest,
            expires,
            scopes,
            withdrawn: AtomicBool::new(false),
        })
    }

    /// Who it is, for people.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn digest(&self) -> &Digest {
        &self.digest
    }

    pub(super) fn withdraw(&self) {
        self.withdrawn.store(true, Ordering::Release);
    }

    /// Whether it is still good at `now`.
    pub(super) fn is_good(&self, now: SystemTime) -> bool {
        !self.withdrawn.load(Ordering::Acquire)
            && self
                .expires
                .is_none_or(|end| Timestamp::try_from(now).is_ok_and(|now| now < end))
    }

    /// Whether it gives `right` on some experiment.
    pub(super) fn gives(&self, right: Right) -> bool {
        self.scopes.iter().any(|scope| scope.gives(right))
    }

    /// Whether it gives `right` on `experiment`.
    pub(super) fn allows(&self, right: Right, experiment: &names::Experiment) -> bool {
        self.scopes
            .iter()
            .any(|scope| scope.allows(right, experiment))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
            && self.name == other.name
            && self.expires == other.expires
            && self.scopes == other.scopes
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.name, self.digest)?;
        match self.expires {
            Some(end) => write!(f, "{end}")?,
            None => f.write_str("never")?,
        }
        for scope in &self.scopes {
            write!(f, " {scope}")?;
        }
        Ok(())
    }
}

impl FromStr for Entry {
    type Err = NotAnEntry;

    fn from_str(line: &str) -> Result<Self, NotAnEntry> {
        let words: Vec<_> = line.split_whitespace().collect();
        let [name, digest, expires, scopes @ ..] = words.as_slice() else {
            return Err(NotAnEntry::Short(words.len()));
        };
        let expires = match *expires {
            "never" => None,
            time => Some(
                time.parse()
                    .map_err(|_| NotAnEntry::Expires(time.chars().take(100).collect()))?,
            ),
        };
        let scopes: Result<_, _> = scopes.iter().map(|scope| scope.parse()).collect();
        Self::new(name, digest.parse()?, expires, scopes?)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::auth::Token;

    #[test]
    fn a_line_is_written_as_it_is_read() {
        let digest = Token::from_entropy([1; 32]).digest();
        for line in [
            format!("w.1 {digest} never report:experiments/cifar* read:experiments/*"),
            format!("ops {digest} 2027-01-31T00:00:00Z admin:experiments/*"),
        ] {
            assert_eq!(line.parse::<Entry>().unwrap().to_string(), line);
        }
    }

    #[test]
    fn an_error_says_what_would_be_right() {
        let digest = Token::from_entropy([1; 32]).digest();
        for (line, named) in [
            ("w".to_owned(), "has too few words, 1"),
            (format!("w {digest} never"), "has too few words, 3"),
            (
                format!("w% {digest} never read:experiments/*"),
                "the name `w%`",
            ),
            ("w md5:1 never read:experiments/*".to_owned(), "sha256:"),
            (
                format!("w {digest} soon read:experiments/*"),
                "`soon` is no time",
            ),
            (format!("w {digest} never read:e"), "is no scope"),
        ] {
            let error = line.parse::<Entry>().unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn it_is_good_until_it_expires_or_is_withdrawn() {
        let digest = Token::from_entropy([1; 32]).digest();
        let line = format!("w {digest} 1970-01-01T00:01:00Z read:experiments/*");
        let entry: Entry = line.parse().unwrap();
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        assert!(entry.is_good(at(59)));
        assert!(!entry.is_good(at(60)));
        entry.withdraw();
        assert!(!entry.is_good(at(59)));
    }
}
