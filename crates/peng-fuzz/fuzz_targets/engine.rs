//! See [`peng_fuzz::engine`].
#![no_main]

use libfuzzer_sys::fuzz_target;
use peng_fuzz::engine::{Stream, check};

fuzz_target!(|stream: Stream| check(&stream));
