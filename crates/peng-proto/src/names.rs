//! Resource names: `experiments/{experiment}/trials/{trial}` and
//! `searches/{search}/candidates/{candidate}`.

use std::{fmt, str::FromStr};

/// Why a text is not a resource name or an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The id is empty, too long or has a character that ids do not have.
    #[error(
        "`{0}` is not an id: 1 to 63 characters of a-z, 0-9 and '-', beginning and ending with a letter or digit"
    )]
    Id(String),
    /// The name has another form.
    #[error("`{found}` is not a name of the form `{form}`")]
    Form {
        /// What was given, cut to 100 characters.
        found: String,
        /// The form that is right.
        form: &'static str,
    },
}

/// The last part of a resource name: 1 to 63 characters of `a-z`, `0-9` and
/// `-`, beginning and ending with a letter or digit (AIP-122).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(Box<str>);

impl Id {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Id {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let bytes = text.as_bytes();
        let right = matches!(bytes, [first, .., last] if alphanumeric(*first) && alphanumeric(*last))
            || matches!(bytes, [only] if alphanumeric(*only));
        if right && bytes.len() <= 63 && bytes.iter().all(|b| alphanumeric(*b) || *b == b'-') {
            Ok(Self(text.into()))
        } else {
            Err(Error::Id(text.chars().take(100).collect()))
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `experiments/{experiment}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Experiment(pub Id);

/// `experiments/{experiment}/trials/{trial}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Trial {
    /// What the trial belongs to.
    pub experiment: Experiment,
    /// The last part of the name.
    pub id: Id,
}

/// `searches/{search}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Search(pub Id);

/// `searches/{search}/candidates/{candidate}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Candidate {
    /// What the candidate belongs to.
    pub search: Search,
    /// The last part of the name.
    pub id: Id,
}

fn wrong(text: &str, form: &'static str) -> Error {
    Error::Form {
        found: text.chars().take(100).collect(),
        form,
    }
}

/// Splits `collection/{id}`.
fn member(text: &str, collection: &str, form: &'static str) -> Result<Id, Error> {
    text.strip_prefix(collection)
        .and_then(|rest| rest.strip_prefix('/'))
        .filter(|id| !id.contains('/'))
        .ok_or_else(|| wrong(text, form))?
        .parse()
}

/// Splits `{parent}/collection/{id}` into the parent's name and the id.
fn child<'a>(text: &'a str, collection: &str, form: &'static str) -> Result<(&'a str, Id), Error> {
    let split = || {
        let (before, id) = text.rsplit_once('/')?;
        let parent = before.strip_suffix(collection)?.strip_suffix('/')?;
        Some((parent, id))
    };
    let (parent, id) = split().ok_or_else(|| wrong(text, form))?;
    Ok((parent, id.parse()?))
}

impl FromStr for Experiment {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        member(text, "experiments", "experiments/{experiment}").map(Self)
    }
}

impl FromStr for Search {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        member(text, "searches", "searches/{search}").map(Self)
    }
}

impl FromStr for Trial {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let form = "experiments/{experiment}/trials/{trial}";
        let (parent, id) = child(text, "trials", form)?;
        let experiment = member(parent, "experiments", form).map(Experiment)?;
        Ok(Self { experiment, id })
    }
}

impl FromStr for Candidate {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let form = "searches/{search}/candidates/{candidate}";
        let (parent, id) = child(text, "candidates", form)?;
        let search = member(parent, "searches", form).map(Search)?;
        Ok(Self { search, id })
    }
}

impl fmt::Display for Experiment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "experiments/{}", self.0)
    }
}

impl fmt::Display for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "searches/{}", self.0)
    }
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/trials/{}", self.experiment, self.id)
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/candidates/{}", self.search, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_survives_its_text() {
        for text in ["experiments/a/trials/b-1", "experiments/0/trials/z"] {
            assert_eq!(text.parse::<Trial>().unwrap().to_string(), text);
        }
        let text = "searches/demo/candidates/c0001";
        assert_eq!(text.parse::<Candidate>().unwrap().to_string(), text);
    }

    #[test]
    fn what_is_no_name_is_told_the_form() {
        for text in [
            "",
            "a",
            "trials/b",
            "experiments//trials/b",
            "experiments/a/trials/",
            "experiments/a/trials/b/c",
            "experiments/a/b/trials/c",
            "experiments/A/trials/b",
            "experiments/a/trials/-",
            "/experiments/a/trials/b",
        ] {
            assert!(text.parse::<Trial>().is_err(), "{text:?}");
        }
        let long = format!("experiments/{}", "x".repeat(64));
        assert!(long.parse::<Experiment>().is_err());
        assert!("experiments/a".parse::<Search>().is_err());
    }
}
