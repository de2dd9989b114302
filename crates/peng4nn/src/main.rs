//! The command line: serve, search, predict.

fn main() {}
