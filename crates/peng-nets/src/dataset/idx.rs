//! The IDX format of MNIST and its kin: bytes with their dimensions, plain or packed by gzip.
//!
//! Two zero bytes, the type (8: unsigned byte), the number of dimensions, each dimension as a
//! 32-bit big-endian number, then the values, the last dimension running fastest.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

const UNSIGNED_BYTE: u8 = 8;

/// The content of an IDX file of unsigned bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idx {
    /// The dimensions, as many as the reader was told.
    pub dimensions: Vec<usize>,
    /// The values; as many as the product of the dimensions.
    pub values: Vec<u8>,
}

impl Idx {
    /// The bytes before the values.
    pub(crate) fn header(&self) -> Vec<u8> {
        let count = u8::try_from(self.dimensions.len()).unwrap_or(u8::MAX);
        let mut bytes = vec![0, 0, UNSIGNED_BYTE, count];
        for &dimension in &self.dimensions {
            bytes.extend(u32::try_from(dimension).unwrap_or(u32::MAX).to_be_bytes());
        }
        bytes
    }
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

/// What is wrong with an IDX file.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// It cannot be opened or read, or is damaged inside its gzip packing.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    /// Its first bytes are not those of an IDX file of unsigned bytes.
    #[error(
        "it is no IDX file of unsigned bytes with {expected} dimensions: it begins with {found:02x?}, not [00, 00, 08, {expected:02x}]"
    )]
    Magic {
        /// Dimensions looked for.
        expected: usize,
        /// The first four bytes.
        found: [u8; 4],
    },
    /// Its dimensions describe more than [`MAX_VALUES`].
    #[error("its dimensions {dimensions:?} are too large: at most {MAX_VALUES} bytes are read")]
    TooLarge {
        /// The dimensions.
        dimensions: Vec<usize>,
    },
    /// It ends too early.
    #[error(
        "it is cut off: its dimensions {dimensions:?} need {expected} bytes, {found} are there"
    )]
    Truncated {
        /// The dimensions.
        dimensions: Vec<usize>,
        /// Values they describe.
        expected: usize,
        /// Values that are there.
        found: usize,
    },
    /// Something follows the last value.
    #[error(
        "it is too long: more follows the {expected} bytes that its dimensions {dimensions:?} need"
    )]
    TooLong {
        /// The dimensions.
        dimensions: Vec<usize>,
        /// Values they describe.
        expected: usize,
    },
}

/// Most values that are read of one file: 4 GiB.
pub const MAX_VALUES: usize = 1 << 32;

/// Reads a file with that many dimensions; a name that ends in `.gz` is unpacked.
pub fn read(path: &Path, dimensions: usize) -> Result<Idx, Error> {
    let open = || -> Result<Idx, Problem> {
        let file = BufReader::new(File::open(path)?);
        if path.extension().is_some_and(|extension| extension == "gz") {
            parse(MultiGzDecoder::new(file), dimensions)
        } else {
            parse(file, dimensions)
        }
    };
    open().map_err(|problem| Error {
        path: path.to_path_buf(),
        problem,
    })
}

fn parse(mut reader: impl Read, expected: usize) -> Result<Idx, Problem> {
    let mut magic = [0; 4];
    reader.read_exact(&mut magic)?;
    if magic[..3] != [0, 0, UNSIGNED_BYTE] || usize::from(magic[3]) != expected {
        return Err(Problem::Magic {
            expected,
            found: magic,
        });
    }
    let mut dimensions = Vec::with_capacity(expected);
    for _ in 0..expected {
        let mut dimension = [0; 4];
        reader.read_exact(&mut dimension)?;
        dimensions.push(u32::from_be_bytes(dimension) as usize);
    }
    let count = dimensions
        .iter()
        .try_fold(1_usize, |product, &dimension| {
            product.checked_mul(dimension)
        })
        .filter(|&count| count <= MAX_VALUES);
    let Some(count) = count else {
        return Err(Problem::TooLarge { dimensions });
    };
    // One byte more than there should be tells a file that is too long; memory is taken as the
    // bytes come, so that a wrong header takes none.
    let mut values = Vec::new();
    let found = reader.take(count as u64 + 1).read_to_end(&mut values)?;
    match found.cmp(&count) {
        std::cmp::Ordering::Less => Err(Problem::Truncated {
            dimensions,
            expected: count,
            found,
        }),
        std::cmp::Ordering::Greater => Err(Problem::TooLong {
            dimensions,
            expected: count,
        }),
        std::cmp::Ordering::Equal => Ok(Idx { dimensions, values }),
    }
}

#[cfg(test)]
#[path = "idx_tests.rs"]
mod tests;
