//! The reader of curves on any bytes.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{Cursor, Write as _};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use peng_curves::{Columns, Curve, parse};
use peng_predict::ValueRange;

/// Bytes are curves or an error that names the file. Curves have names of their own and at least
/// one observation, by epoch, with values in range; packed, or written out and read again, they
/// are the same.
pub fn check(bytes: &[u8]) {
    let found = read(bytes.to_vec());
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        assert_eq!(format!("{found:?}"), format!("{:?}", read(packed(bytes))));
    }
    let Ok(curves) = found else { return };
    let names: BTreeSet<&str> = curves.iter().map(|curve| curve.id.as_str()).collect();
    assert!(!curves.is_empty() && names.len() == curves.len());
    for curve in &curves {
        assert!(!curve.id.is_empty() && !curve.observations.is_empty());
        assert!(curve.observations.is_sorted_by_key(|point| point.epoch));
        let allowed = |value: f64| !value.is_finite() || ValueRange::PERCENT.contains(value);
        let mut values = curve.observations.iter().map(|point| point.value);
        assert!(values.all(allowed));
    }
    let again = read(written(&curves).into_bytes()).unwrap();
    assert_eq!(format!("{curves:?}"), format!("{again:?}"));
}

fn read(bytes: Vec<u8>) -> Result<Vec<Curve>, String> {
    let path = Path::new("curves.csv");
    let input = Cursor::new(bytes);
    let found = parse(path, input, &Columns::default(), ValueRange::PERCENT);
    found.map_err(|error| {
        let text = error.to_string();
        assert!(text.contains("curves.csv"), "{text}");
        text
    })
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn written(curves: &[Curve]) -> String {
    let mut text = String::from("curve_id,epoch,val_accuracy\n");
    for curve in curves {
        let id = curve.id.replace('"', "\"\"");
        for point in &curve.observations {
            writeln!(text, "\"{id}\",{},{}", point.epoch, point.value).unwrap();
        }
    }
    text
}
