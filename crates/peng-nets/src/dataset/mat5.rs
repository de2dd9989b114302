//! Level 5 MAT-files (`MathWorks`, "MAT-File Format"), as far as data sets use them: little-endian
//! numeric arrays of whole numbers from 0 to 255, plain or packed by zlib.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::ZlibDecoder;

const HEADER: usize = 128;
const MATRIX: u32 = 14;
const COMPRESSED: u32 = 15;
/// Most values of an array: 4 GiB.
const MOST_VALUES: usize = 1 << 32;
/// Most bytes of a name and of the list of dimensions.
const MOST_SMALL: usize = 1 << 12;

/// A numeric array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Array {
    /// The variable's name.
    pub name: String,
    /// Its dimensions, at least two; the first one runs fastest.
    pub dimensions: Vec<usize>,
    /// Its values; as many as the product of the dimensions.
    pub values: Vec<u8>,
}

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct Error {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    #[source]
    pub problem: Problem,
}

/// What is wrong with a MAT-file.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// It cannot be read, is cut off, or is damaged inside its zlib packing.
    #[error("it cannot be read, or is cut off: {0}")]
    Io(#[from] io::Error),
    /// Its header is not that of a little-endian MAT-file of level 5.
    #[error(
        "it is no little-endian MAT-file of level 5: bytes 124 to 127 are {0:02x?}, \
         not [00, 01, 49, 4d]"
    )]
    Header([u8; 4]),
    /// A part of it has a type or a size that makes no sense there.
    #[error("it is damaged: {part} has type {kind} and {size} bytes")]
    Element {
        /// The part.
        part: &'static str,
        /// Its type by number.
        kind: u32,
        /// Its size in bytes.
        size: usize,
    },
    /// Dimensions and values of an array do not fit each other.
    #[error("array {name} of dimensions {dimensions:?} has {values} values")]
    Values {
        /// The array.
        name: String,
        /// Its dimensions.
        dimensions: Vec<usize>,
        /// Values that are there.
        values: usize,
    },
    /// A value is no whole number from 0 to 255.
    #[error("array {name} holds {value}: only whole numbers from 0 to 255 are read")]
    Value {
        /// The array.
        name: String,
        /// The value.
        value: f64,
    },
}

/// Type and size of an element; small ones carry their data inside the tag.
struct Tag {
    kind: u32,
    size: usize,
    small: Option<[u8; 4]>,
}

/// All numeric arrays of a file in their order.
pub fn read(path: &Path) -> Result<Vec<Array>, Error> {
    let open = || parse(BufReader::new(File::open(path)?));
    open().map_err(|problem| Error {
        path: path.to_path_buf(),
        problem,
    })
}

fn parse(mut file: impl Read) -> Result<Vec<Array>, Problem> {
    let mut header = [0; HEADER];
    file.read_exact(&mut header)?;
    if header[HEADER - 4..] != [0, 1, b'I', b'M'] {
        let [.., a, b, c, d] = header;
        return Err(Problem::Header([a, b, c, d]));
    }
    let mut arrays = Vec::new();
    while let Some(tag) = next(&mut file)? {
        let mut body = (&mut file).take(tag.size as u64);
        match tag.kind {
            COMPRESSED => arrays.push(unpack(&mut body)?),
            MATRIX => arrays.push(array(&mut body)?),
            kind => {
                let (part, size) = ("a variable", tag.size);
                return Err(Problem::Element { part, kind, size });
            }
        }
        io::copy(&mut body, &mut io::sink())?;
        if body.limit() > 0 {
            return Err(cut_off().into());
        }
    }
    Ok(arrays)
}

/// A variable inside a zlib stream, whose checksum comes last.
fn unpack(packed: &mut impl Read) -> Result<Array, Problem> {
    let mut reader = ZlibDecoder::new(packed);
    let tag = next(&mut reader)?.ok_or_else(cut_off)?;
    if tag.kind != MATRIX {
        let (part, kind, size) = ("a packed variable", tag.kind, tag.size);
        return Err(Problem::Element { part, kind, size });
    }
    let array = array(&mut reader)?;
    io::copy(&mut reader, &mut io::sink())?;
    Ok(array)
}

/// The parts of an array: flags, dimensions, name, values.
fn array(reader: &mut impl Read) -> Result<Array, Problem> {
    let (_, flags) = part(reader, "the flags of an array", MOST_SMALL, &[6])?;
    // Classes 6 to 15 are numbers, from double to 64-bit integers.
    if !flags.first().is_some_and(|class| (6..=15).contains(class)) {
        let (kind, size) = (u32::from(*flags.first().unwrap_or(&0)), flags.len());
        let part = "an array that is not numeric";
        return Err(Problem::Element { part, kind, size });
    }
    let (_, dimensions) = part(reader, "the dimensions of an array", MOST_SMALL, &[5])?;
    let dimensions: Vec<usize> = dimensions
        .chunks_exact(4)
        .map(|bytes| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize)
        .collect();
    let (_, name) = part(reader, "the name of an array", MOST_SMALL, &[1])?;
    let name = String::from_utf8_lossy(&name).into_owned();
    let numbers = &[1, 2, 3, 4, 5, 6, 7, 9, 12, 13];
    let (kind, values) = part(reader, "the values of an array", MOST_VALUES, numbers)?;
    let values = whole(&name, kind, values)?;
    let expected = dimensions
        .iter()
        .try_fold(1_usize, |product, &side| product.checked_mul(side));
    if dimensions.len() < 2 || expected != Some(values.len()) {
        return Err(Problem::Values {
            name,
            dimensions,
            values: values.len(),
        });
    }
    Ok(Array {
        name,
        dimensions,
        values,
    })
}

/// The next tag; `None` at the end.
fn next(reader: &mut impl Read) -> Result<Option<Tag>, Problem> {
    let mut bytes = [0; 8];
    let mut found = 0;
    while found < bytes.len() {
        match reader.read(&mut bytes[found..]) {
            Ok(0) if found == 0 => return Ok(None),
            Ok(0) => return Err(cut_off().into()),
            Ok(count) => found += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    let [a, b, c, d, data @ ..] = bytes;
    let kind = u32::from_le_bytes([a, b, c, d]);
    Ok(Some(if kind >> 16 == 0 {
        Tag {
            kind,
            size: u32::from_le_bytes(data) as usize,
            small: None,
        }
    } else {
        Tag {
            kind: kind & 0xffff,
            size: (kind >> 16) as usize,
            small: Some(data),
        }
    }))
}

/// Type and bytes of a part, which must have one of the types `kinds`.
fn part(
    reader: &mut impl Read,
    part: &'static str,
    most: usize,
    kinds: &[u32],
) -> Result<(u32, Vec<u8>), Problem> {
    let Tag { kind, size, small } = next(reader)?.ok_or_else(cut_off)?;
    if size > most || !kinds.contains(&kind) {
        return Err(Problem::Element { part, kind, size });
    }
    if let Some(data) = small {
        let data = data.get(..size);
        let data = data.ok_or(Problem::Element { part, kind, size })?;
        return Ok((kind, data.to_vec()));
    }
    // Memory is taken as the bytes come, so that a wrong size takes none.
    let mut data = Vec::new();
    reader.take(size as u64).read_to_end(&mut data)?;
    if data.len() < size {
        return Err(cut_off().into());
    }
    let padding = (8 - size as u64 % 8) % 8;
    io::copy(&mut reader.take(padding), &mut io::sink())?;
    Ok((kind, data))
}

/// A value from the bytes that store it.
type Number = fn(&[u8]) -> Option<f64>;

/// Values of a stored type as bytes.
fn whole(name: &str, kind: u32, data: Vec<u8>) -> Result<Vec<u8>, Problem> {
    let (width, number): (usize, Number) = match kind {
        2 => return Ok(data),
        1 => (1, |b| Some(i8::from_le_bytes(b.try_into().ok()?).into())),
        3 => (2, |b| Some(i16::from_le_bytes(b.try_into().ok()?).into())),
        4 => (2, |b| Some(u16::from_le_bytes(b.try_into().ok()?).into())),
        5 => (4, |b| Some(i32::from_le_bytes(b.try_into().ok()?).into())),
        6 => (4, |b| Some(u32::from_le_bytes(b.try_into().ok()?).into())),
        7 => (4, |b| Some(f32::from_le_bytes(b.try_into().ok()?).into())),
        9 => (8, |b| Some(f64::from_le_bytes(b.try_into().ok()?))),
        12 => (8, |b| Some(i64::from_le_bytes(b.try_into().ok()?) as f64)),
        _ => (8, |b| Some(u64::from_le_bytes(b.try_into().ok()?) as f64)),
    };
    data.chunks(width)
        .map(|bytes| {
            let value = number(bytes).unwrap_or(f64::NAN);
            if (0.0..=255.0).contains(&value) && value.fract() == 0.0 {
                #[allow(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a whole number from 0 to 255"
                )]
                Ok(value as u8)
            } else {
                let name = name.to_owned();
                Err(Problem::Value { name, value })
            }
        })
        .collect()
}

fn cut_off() -> io::Error {
    io::ErrorKind::UnexpectedEof.into()
}

#[cfg(test)]
#[path = "mat5_tests.rs"]
mod tests;
