//! The log of observations and verdicts, and the state of searches, on disk.
