//! Numbers from bytes.

use arbitrary::Arbitrary;

/// A number of one of the kinds that matter to the engine.
#[derive(Clone, Copy, Debug, Arbitrary)]
pub enum Number {
    /// Any bits.
    Any(f64),
    /// A percentage with two digits, as a metric is reported.
    Hundredths(u16),
    /// A small whole number, as an epoch is reported.
    Whole(u8),
}

impl Number {
    /// The number.
    pub fn get(self) -> f64 {
        match self {
            Self::Any(number) => number,
            Self::Hundredths(number) => f64::from(number % 10_001) / 100.0,
            Self::Whole(number) => f64::from(number),
        }
    }
}
