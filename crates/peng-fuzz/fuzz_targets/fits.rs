//! See [`peng_fuzz::fits`].
#![no_main]

use libfuzzer_sys::fuzz_target;
use peng_fuzz::fits::{Points, check};

fuzz_target!(|points: Points| check(&points));
