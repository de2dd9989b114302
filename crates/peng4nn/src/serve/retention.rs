//! How long an experiment is kept.

use std::{fmt, str::FromStr, time::Duration};

use jiff::{Span, SpanRelativeTo};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A time like `90d`, at least a second; a day has 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Retention(Duration);

impl Retention {
    pub(crate) const fn get(self) -> Duration {
        self.0
    }
}

impl FromStr for Retention {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let span: Span = text.parse().ok()?;
            let time = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
            let time = Duration::try_from(time).ok()?;
            (time >= Duration::from_secs(1)).then_some(Self(time))
        };
        parse().ok_or_else(|| format!("`{text}` is no time to keep; 90d, 12w or 36h would be one"))
    }
}

impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const HOUR: u64 = 3_600;
        match self.0.as_secs() {
            seconds if seconds.is_multiple_of(24 * HOUR) => write!(f, "{}d", seconds / 24 / HOUR),
            seconds if seconds.is_multiple_of(HOUR) => write!(f, "{}h", seconds / HOUR),
            seconds => write!(f, "{seconds}s"),
        }
    }
}

impl<'de> Deserialize<'de> for Retention {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl Serialize for Retention {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit_and_is_read_again_as_it_is_written() {
        for (text, hours) in [
            ("90d", 90 * 24),
            ("12w", 84 * 24),
            ("36h", 36),
            ("1d 12h", 36),
        ] {
            let time: Retention = text.parse().unwrap();
            assert_eq!(time.get(), Duration::from_hours(hours), "{text}");
            assert_eq!(time.to_string().parse(), Ok(time));
        }
        for wrong in ["", "90", "-1d", "0d", "3 months", "10ms", "soon"] {
            let error = wrong.parse::<Retention>().unwrap_err();
            assert!(error.contains("90d"), "{error}");
        }
    }
}
