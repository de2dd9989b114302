//! The engine: learning curves in, predictions and verdicts out; no I/O.
