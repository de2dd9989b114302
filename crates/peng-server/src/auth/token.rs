//! Bearer tokens and what is kept of them.

use std::{fmt, str::FromStr};

use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// What every token begins with, so that a scanner finds one that leaked.
const PREFIX: &str = "peng4nn_";

/// A bearer token: whoever has it may do what its entry in the token file says.
///
/// It is shown once, when it is made; the server keeps its [`Digest`].
pub struct Token(String);

impl Token {
    /// The token of 32 bytes from a source that nobody can guess.
    pub fn from_entropy(entropy: [u8; 32]) -> Self {
        Self(format!("{PREFIX}{}", hex(&entropy)))
    }

    /// The token itself, for its owner alone.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What the server keeps.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

/// The SHA-256 of a token.
///
/// A plain hash is right here: a token has 256 random bits, so there is nothing to
/// guess that a slow password hash would protect, and every call pays for it.
#[derive(Clone, Copy)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Of the text that a caller presents.
    pub fn of(presented: &str) -> Self {
        Self(Sha256::digest(presented.as_bytes()).into())
    }
}

impl ConstantTimeEq for Digest {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for Digest {}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(hidden)")
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", hex(&self.0))
    }
}

impl FromStr for Digest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        let digits = text.strip_prefix("sha256:").ok_or(NotADigest)?;
        if digits.len() != 64 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(NotADigest);
        }
        let mut digest = [0; 32];
        for (index, byte) in digest.iter_mut().enumerate() {
            let pair = &digits[2 * index..2 * index + 2];
            *byte = u8::from_str_radix(pair, 16).map_err(|_| NotADigest)?;
        }
        Ok(Self(digest))
    }
}

/// A text is no digest of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no digest; `sha256:` with 64 hexadecimal digits would be right")]
pub struct NotADigest;

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_read_as_it_is_written_and_knows_its_token() {
        let token = Token::from_entropy([7; 32]);
        let read: Digest = token.digest().to_string().parse().unwrap();
        assert_eq!(read, Digest::of(token.reveal()));
        assert_ne!(read, Digest::of("peng4nn_"));
    }

    #[test]
    fn nothing_secret_is_in_debug_output() {
        let token = Token::from_entropy([7; 32]);
        let shown = format!("{token:?} {:?}", token.digest());
        assert!(!shown.contains("07") && !shown.contains("sha256"));
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        let short = format!("sha256:{}", "a".repeat(63));
        let multibyte = format!("sha256:{}", "ä".repeat(32));
        for text in ["", "sha256:", "md5:00", &short, &multibyte] {
            assert_eq!(text.parse::<Digest>(), Err(NotADigest));
        }
    }
}
