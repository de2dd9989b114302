use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

const GOOD: [u8; 14] = [0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 2, 7, 9];

/// The problem with a file of these bytes.
fn problem(name: &str, bytes: &[u8], dimensions: usize) -> Problem {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    let error = read(&path, dimensions).unwrap_err();
    assert!(error.to_string().contains(name), "{error} names the file");
    error.problem
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn plain_and_packed_files_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let expected = Idx {
        dimensions: vec![1, 2],
        values: vec![7, 9],
    };
    for (name, bytes) in [("a", GOOD.to_vec()), ("a.gz", packed(&GOOD))] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        assert_eq!(read(&path, 2).unwrap(), expected);
    }
}

#[test]
fn a_missing_file_is_an_error_that_names_it() {
    let error = read(Path::new("/nowhere/images"), 3).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("/nowhere/images: it cannot be read")
    );
}

#[test]
fn other_formats_are_refused() {
    for bytes in [
        &b"PK\x03\x04 a zip file"[..],
        // Signed integers.
        &[0, 0, 0x0c, 2, 0, 0, 0, 1, 0, 0, 0, 2, 7, 9],
        // Gzip under a plain name.
        &packed(&GOOD),
    ] {
        assert!(matches!(problem("a", bytes, 2), Problem::Magic { .. }));
    }
    let wrong = problem("a", &GOOD, 3);
    assert!(
        wrong.to_string().ends_with("not [00, 00, 08, 03]"),
        "{wrong}"
    );
}

#[test]
fn every_cut_of_a_file_is_refused() {
    for length in 0..GOOD.len() {
        let found = problem("a", &GOOD[..length], 2);
        assert!(
            matches!(found, Problem::Io(_) | Problem::Truncated { .. }),
            "{length}: {found}"
        );
    }
    let whole = packed(&GOOD);
    for length in 0..whole.len() {
        assert!(
            matches!(problem("a.gz", &whole[..length], 2), Problem::Io(_)),
            "{length}"
        );
    }
}

#[test]
fn a_damaged_packing_is_refused() {
    let mut bytes = packed(&GOOD);
    let checksum = bytes.len() - 8;
    bytes[checksum] ^= 1;
    assert!(matches!(problem("a.gz", &bytes, 2), Problem::Io(_)));
}

#[test]
fn trailing_bytes_are_refused() {
    let bytes = [&GOOD[..], &[0]].concat();
    assert!(matches!(
        problem("a", &bytes, 2),
        Problem::TooLong { expected: 2, .. }
    ));
}

#[test]
fn absurd_dimensions_take_no_memory() {
    let mut bytes = GOOD;
    bytes[4..12].fill(0xff);
    assert!(matches!(problem("a", &bytes, 2), Problem::TooLarge { .. }));
    // 4 GiB announced, two bytes there.
    bytes[4..12].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
    let found = problem("a", &bytes, 2);
    assert!(
        matches!(found, Problem::Truncated { found: 2, .. }),
        "{found}"
    );
}
