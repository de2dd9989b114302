//! Free text of bounded length.

use std::ops::Deref;

use crate::error::Error;

/// Text of at most `MOST` characters, without control characters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text<const MOST: usize>(String);

impl<const MOST: usize> Deref for Text<MOST> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const MOST: usize> From<Text<MOST>> for String {
    fn from(text: Text<MOST>) -> Self {
        text.0
    }
}

/// Takes the text of a field.
pub fn parse<const MOST: usize>(field: &str, text: String) -> Result<Text<MOST>, Error> {
    let characters = text.chars().count();
    if characters > MOST {
        let wrong = format!("has {characters} characters; at most {MOST} would be right");
        return Err(Error::field(field, wrong));
    }
    if text
        .chars()
        .any(|c| c.is_control() && c != '\n' && c != '\t')
    {
        return Err(Error::field(
            field,
            "has control characters; plain text would be right",
        ));
    }
    Ok(Text(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_counted_in_characters() {
        assert!(parse::<3>("f", "äöü".to_owned()).is_ok());
        let error = parse::<3>("f", "abcd".to_owned()).unwrap_err();
        assert_eq!(
            error.message,
            "f: has 4 characters; at most 3 would be right"
        );
    }
}
