//! The training worker: lease, train, observe, report.

fn main() {}
