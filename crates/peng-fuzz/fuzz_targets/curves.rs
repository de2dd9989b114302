//! See [`peng_fuzz::curves`].
#![no_main]

use libfuzzer_sys::fuzz_target;
use peng_fuzz::curves::check;

fuzz_target!(|bytes: &[u8]| check(bytes));
