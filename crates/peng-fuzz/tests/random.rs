//! The claims of the fuzz targets on random inputs.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use arbitrary::{Arbitrary, Unstructured};
use peng_fuzz::{curves, engine, fits};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_stream_is_answered(bytes in prop::collection::vec(any::<u8>(), 64..1000)) {
        engine::check(&engine::Stream::arbitrary(&mut Unstructured::new(&bytes)).unwrap());
    }

    #[test]
    fn any_points_have_a_fit_or_a_reason(bytes in prop::collection::vec(any::<u8>(), 64..1000)) {
        fits::check(&fits::Points::arbitrary(&mut Unstructured::new(&bytes)).unwrap());
    }

    #[test]
    fn any_bytes_are_curves_or_an_error(
        head in prop_oneof![Just("curve_id,epoch,val_accuracy\n"), Just("")],
        rows in prop_oneof!["([ab\"]?,[0-9.e-]{1,3},[0-9.]{1,3}\n?){0,9}", ".*"],
    ) {
        curves::check(format!("{head}{rows}").as_bytes());
    }
}
