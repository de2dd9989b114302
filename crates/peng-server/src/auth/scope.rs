//! What a token allows: a right on the experiments whose name has a prefix.

use std::{fmt, str::FromStr};

use peng_proto::names;

/// What a call needs; each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    /// To look: get, list, watch, predict.
    Read,
    /// To work: create trials, report, roll back, complete, lease candidates.
    Report,
    /// To decide: create experiments.
    Admin,
}

impl Right {
    /// As in a scope.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Report => "report",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A right on some experiments: `report:experiments/cifar*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    right: Right,
    pattern: Pattern,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    /// The experiment of that id.
    Exact(String),
    /// Every experiment whose id begins so.
    Prefix(String),
}

impl Scope {
    /// Every right on every experiment.
    pub const fn everything() -> Self {
        Self {
            right: Right::Admin,
            pattern: Pattern::Prefix(String::new()),
        }
    }

    /// Whether it gives `right`, on one experiment at least.
    pub fn gives(&self, right: Right) -> bool {
        self.right >= right
    }

    /// Whether it gives `right` on `experiment`.
    pub fn allows(&self, right: Right, experiment: &names::Experiment) -> bool {
        let id = experiment.0.as_str();
        self.gives(right)
            && match &self.pattern {
                Pattern::Exact(exact) => id == exact,
                Pattern::Prefix(prefix) => id.starts_with(prefix),
            }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.pattern {
            Pattern::Exact(id) => write!(f, "{}:experiments/{id}", self.right),
            Pattern::Prefix(id) => write!(f, "{}:experiments/{id}*", self.right),
        }
    }
}

/// Why a text is no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no scope; read, report or admin with an experiment or a prefix, like `report:experiments/cifar*`, would be right"
)]
pub struct NotAScope(String);

impl FromStr for Scope {
    type Err = NotAScope;

    fn from_str(text: &str) -> Result<Self, NotAScope> {
        let wrong = || NotAScope(text.chars().take(100).collect());
        let (right, pattern) = text.split_once(":experiments/").ok_or_else(wrong)?;
        let right = match right {
            "read" => Right::Read,
            "report" => Right::Report,
            "admin" => Right::Admin,
            _ => return Err(wrong()),
        };
        let (id, is_prefix) = match pattern.strip_suffix('*') {
            Some(prefix) => (prefix, true),
            None => (pattern, false),
        };
        let of_an_id = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !id.bytes().all(of_an_id) || (id.is_empty() && !is_prefix) {
            return Err(wrong());
        }
        let pattern = if is_prefix {
            Pattern::Prefix(id.to_owned())
        } else {
            Pattern::Exact(id.to_owned())
        };
        Ok(Self { right, pattern })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(scope: &str, right: Right, experiment: &str) -> bool {
        let scope: Scope = scope.parse().unwrap();
        scope.allows(right, &format!("experiments/{experiment}").parse().unwrap())
    }

    #[test]
    fn a_right_includes_those_before_it_and_none_after() {
        assert!(allows("report:experiments/*", Right::Read, "e"));
        assert!(allows("report:experiments/*", Right::Report, "e"));
        assert!(!allows("report:experiments/*", Right::Admin, "e"));
    }

    #[test]
    fn a_prefix_ends_with_a_star_and_a_name_is_exact() {
        assert!(allows("read:experiments/cifar*", Right::Read, "cifar-10"));
        assert!(!allows("read:experiments/cifar*", Right::Read, "svhn"));
        assert!(!allows("read:experiments/cifar", Right::Read, "cifar-10"));
        assert!(allows("read:experiments/cifar", Right::Read, "cifar"));
    }

    #[test]
    fn scopes_are_written_as_they_are_read() {
        for text in [
            "read:experiments/a",
            "report:experiments/a*",
            "admin:experiments/*",
        ] {
            assert_eq!(text.parse::<Scope>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "read",
            "read:",
            "own:experiments/*",
            "read:experiments/",
            "read:experiments/A",
            "read:*",
            "read:experiments/a*b",
        ] {
            assert!(text.parse::<Scope>().is_err(), "{text}");
        }
    }
}
