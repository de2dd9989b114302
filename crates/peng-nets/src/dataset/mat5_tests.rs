use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::*;

/// An element with its padding.
fn element(kind: u32, data: &[u8]) -> Vec<u8> {
    let size = u32::try_from(data.len()).unwrap();
    let mut bytes = [kind.to_le_bytes(), size.to_le_bytes()].concat();
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}

/// An array of class uint8 with its values stored as `kind`.
fn matrix(name: &str, dimensions: &[u32], kind: u32, data: &[u8]) -> Vec<u8> {
    let dimensions: Vec<u8> = dimensions.iter().flat_map(|d| d.to_le_bytes()).collect();
    let name = match name.as_bytes() {
        // A short name is a small element.
        short @ ([_] | [_, _]) => {
            let size = u16::try_from(short.len()).unwrap();
            let mut bytes = [1_u16.to_le_bytes(), size.to_le_bytes()].concat();
            bytes.extend(short);
            bytes.resize(8, 0);
            bytes
        }
        long => element(1, long),
    };
    let parts = [
        element(6, &[9, 0, 0, 0, 0, 0, 0, 0]),
        element(5, &dimensions),
        name,
        element(kind, data),
    ];
    element(MATRIX, &parts.concat())
}

fn packed(element: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(element).unwrap();
    let data = encoder.finish().unwrap();
    let size = u32::try_from(data.len()).unwrap();
    [&COMPRESSED.to_le_bytes()[..], &size.to_le_bytes(), &data].concat()
}

fn file(variables: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![b' '; HEADER - 4];
    bytes.extend([0, 1, b'I', b'M']);
    bytes.extend(variables.concat());
    bytes
}

fn read_bytes(bytes: &[u8]) -> Result<Vec<Array>, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mat");
    fs::write(&path, bytes).unwrap();
    read(&path)
}

fn sample() -> Vec<u8> {
    let y: Vec<u8> = [1.0_f64, 10.0]
        .iter()
        .flat_map(|v| v.to_le_bytes())
        .collect();
    file(&[
        packed(&matrix("X", &[2, 3], 2, &[1, 2, 3, 4, 5, 6])),
        matrix("labels", &[2, 1], 9, &y),
    ])
}

#[test]
fn plain_and_packed_arrays_are_read() {
    let arrays = read_bytes(&sample()).unwrap();
    let expected = [
        ("X", vec![2, 3], vec![1, 2, 3, 4, 5, 6]),
        ("labels", vec![2, 1], vec![1, 10]),
    ]
    .map(|(name, dimensions, values)| Array {
        name: name.to_owned(),
        dimensions,
        values,
    });
    assert_eq!(arrays, expected);
}

#[test]
fn every_cut_is_refused_and_names_the_file() {
    let whole = sample();
    let first = packed(&matrix("X", &[2, 3], 2, &[1, 2, 3, 4, 5, 6])).len();
    for length in 0..whole.len() {
        // A file that ends between two variables is a file with fewer of them.
        if length == HEADER || length == HEADER + first {
            continue;
        }
        let error = read_bytes(&whole[..length]).unwrap_err();
        assert!(error.to_string().contains("a.mat"), "{length}: {error}");
    }
}

#[test]
fn damage_inside_a_packing_is_refused() {
    let mut whole = sample();
    let first = packed(&matrix("X", &[2, 3], 2, &[1, 2, 3, 4, 5, 6])).len();
    whole[HEADER + first - 1] ^= 1;
    let error = read_bytes(&whole).unwrap_err();
    assert!(matches!(error.problem, Problem::Io(_)), "{error}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let wrong = |variable: Vec<u8>| read_bytes(&file(&[variable])).unwrap_err().problem;
    let shape = wrong(matrix("X", &[2, 2], 2, &[1, 2, 3]));
    assert!(
        matches!(shape, Problem::Values { values: 3, .. }),
        "{shape}"
    );
    let half = wrong(matrix("X", &[1, 1], 9, &0.5_f64.to_le_bytes()));
    assert!(matches!(half, Problem::Value { .. }), "{half}");
    let negative = wrong(matrix("X", &[1, 1], 1, &[0xff]));
    assert!(matches!(negative, Problem::Value { .. }), "{negative}");
    let text = wrong(matrix("X", &[1, 1], 16, &[1]));
    assert!(matches!(text, Problem::Element { kind: 16, .. }), "{text}");
    let mut big_endian = sample();
    big_endian[HEADER - 4..HEADER].copy_from_slice(&[1, 0, b'M', b'I']);
    let error = read_bytes(&big_endian).unwrap_err();
    assert!(matches!(error.problem, Problem::Header(_)), "{error}");
}

#[test]
fn absurd_sizes_take_no_memory() {
    let mut whole = file(&[matrix("X", &[2, 3], 2, &[1, 2, 3, 4, 5, 6])]);
    let values = whole.len() - 12;
    whole[values..values + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    let error = read_bytes(&whole).unwrap_err();
    assert!(matches!(error.problem, Problem::Io(_)), "{error}");
}
