//! CIFAR-10 and CIFAR-100 (Krizhevsky, 2009), binary version: colour images of 32 x 32 pixels,
//! each record one label byte (CIFAR-100: the coarse and then the fine one) and 3,072 bytes, the
//! red, green and blue plane row by row.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use peng_search::macro_space::Input;

use super::{Check, Dataset, Parts, checksum};

/// The shape of an image.
pub const INPUT: Input = Input {
    channels: 3,
    height: 32,
    width: 32,
};

/// Bytes of an image.
const PIXELS: usize = 3 * 32 * 32;

/// Where the archives come from.
const HOME: &str = "https://www.cs.toronto.edu/~kriz/cifar.html";

/// Largest file that is read, for those of other sizes than the official.
const MOST_BYTES: u64 = 1 << 32;

/// What the files of a data set are called and hold.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// The name for people.
    pub name: &'static str,
    /// The archive as published.
    pub archive: &'static str,
    /// Its MD5 sum as published.
    pub md5: &'static str,
    /// The folder inside the archive.
    pub folder: &'static str,
    /// The files of training images, in their order.
    pub train: &'static [&'static str],
    /// The file of test images.
    pub test: &'static str,
    /// Images in each file of training images.
    pub train_images: usize,
    /// Images in the file of test images.
    pub test_images: usize,
    /// Label bytes of a record; the last one counts.
    pub label_bytes: usize,
    /// Number of classes.
    pub classes: usize,
}

/// 10 classes, 50,000 training and 10,000 test images.
pub const CIFAR_10: Layout = Layout {
    name: "CIFAR-10",
    archive: "cifar-10-binary.tar.gz",
    md5: "c32a1d4ab5d03f1284b67883e8d87530",
    folder: "cifar-10-batches-bin",
    train: &[
        "data_batch_1.bin",
        "data_batch_2.bin",
        "data_batch_3.bin",
        "data_batch_4.bin",
        "data_batch_5.bin",
    ],
    test: "test_batch.bin",
    train_images: 10_000,
    test_images: 10_000,
    label_bytes: 1,
    classes: 10,
};

/// 100 fine classes, 50,000 training and 10,000 test images.
pub const CIFAR_100: Layout = Layout {
    name: "CIFAR-100",
    archive: "cifar-100-binary.tar.gz",
    md5: "03b5dce01913d631647c71ecec9e9cb8",
    folder: "cifar-100-binary",
    train: &["train.bin"],
    test: "test.bin",
    train_images: 50_000,
    test_images: 10_000,
    label_bytes: 2,
    classes: 100,
};

/// Why the data set cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither the files nor the archive are there.
    #[error(
        "{} holds neither {file} nor {archive}: {name} (binary version) comes from {HOME}; put \
         the archive there, packed or unpacked", folder.display()
    )]
    Missing {
        /// Where it was looked for.
        folder: PathBuf,
        /// The first file that is missing.
        file: &'static str,
        /// The archive.
        archive: &'static str,
        /// The data set.
        name: &'static str,
    },
    /// A file cannot be read, or is damaged inside its packing.
    #[error("{} cannot be read", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The archive is not the published one.
    #[error(
        "{} is damaged: its MD5 sum is {found}, the published one {expected}; fetch it again from \
         {HOME}", path.display()
    )]
    Sum {
        /// The archive.
        path: PathBuf,
        /// Its sum.
        found: String,
        /// The published sum.
        expected: &'static str,
    },
    /// A file has another size than the official.
    #[error(
        "{} is {found} bytes long: {images} records of {record} bytes make {expected}", path.display()
    )]
    Size {
        /// The file.
        path: PathBuf,
        /// Its length, or one more than would be right where it is longer.
        found: usize,
        /// Records that it should hold.
        images: usize,
        /// Bytes of a record.
        record: usize,
        /// The length that would be right.
        expected: usize,
    },
    /// A class has more or fewer images than officially.
    #[error(
        "{} is damaged: class {class} has {found} images of {name}, officially {expected}",
        folder.display()
    )]
    Balance {
        /// Where the files are.
        folder: PathBuf,
        /// The data set.
        name: &'static str,
        /// The class, from 0.
        class: usize,
        /// Its images.
        found: usize,
        /// Its images officially.
        expected: usize,
    },
    /// Labels and images do not make a data set.
    #[error("the files of {} are no data set", folder.display())]
    Dataset {
        /// Where the files are.
        folder: PathBuf,
        /// Why.
        source: super::Error,
    },
}

/// Labels and images, one after the other.
#[derive(Debug, Default)]
struct Records {
    labels: Vec<u8>,
    images: Vec<u8>,
}

/// Loads a data set from a folder that holds its files, the unpacked folder or the archive.
pub fn load(layout: &Layout, folder: &Path, check: Check) -> Result<Parts, Error> {
    let unpacked = folder.join(layout.folder);
    let unpacked = if unpacked.is_dir() {
        unpacked
    } else {
        folder.to_path_buf()
    };
    let mut files = layout.train.iter().chain([&layout.test]);
    let missing = files.find(|file| !unpacked.join(file).is_file());
    let archive = folder.join(layout.archive);
    let (train, test) = match missing {
        None => from_files(layout, &unpacked, check)?,
        Some(_) if archive.is_file() => from_archive(layout, &archive, check)?,
        Some(&file) => {
            return Err(Error::Missing {
                folder: folder.to_path_buf(),
                file,
                archive: layout.archive,
                name: layout.name,
            });
        }
    };
    Ok(Parts {
        train: dataset(layout, folder, &train, check)?,
        test: dataset(layout, folder, &test, check)?,
    })
}

fn from_files(layout: &Layout, folder: &Path, check: Check) -> Result<(Records, Records), Error> {
    let add = |records: &mut Records, file: &str, images| {
        let path = folder.join(file);
        let reader = File::open(&path).map_err(|source| io_error(&path, source))?;
        records.add(layout, &path, reader, images, check)
    };
    let (mut train, mut test) = (Records::default(), Records::default());
    for file in layout.train {
        add(&mut train, file, layout.train_images)?;
    }
    add(&mut test, layout.test, layout.test_images)?;
    Ok((train, test))
}

fn from_archive(
    layout: &Layout,
    archive: &Path,
    check: Check,
) -> Result<(Records, Records), Error> {
    let failed = |source| io_error(archive, source);
    if check == Check::Official {
        let found = checksum::md5(archive).map_err(failed)?;
        if found != layout.md5 {
            return Err(Error::Sum {
                path: archive.to_path_buf(),
                found,
                expected: layout.md5,
            });
        }
    }
    let mut parts: Vec<Option<Records>> = Vec::new();
    parts.resize_with(layout.train.len() + 1, || None);
    let file = BufReader::new(File::open(archive).map_err(failed)?);
    let mut packed = tar::Archive::new(GzDecoder::new(file));
    for entry in packed.entries().map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path().map_err(failed)?.into_owned();
        let names = layout.train.iter().chain([&layout.test]);
        let is_it = |name: &&str| path.file_name().is_some_and(|found| found == *name);
        let Some(place) = names.copied().position(|name| is_it(&name)) else {
            continue;
        };
        let images = if place < layout.train.len() {
            layout.train_images
        } else {
            layout.test_images
        };
        let mut records = Records::default();
        records.add(layout, &archive.join(&path), entry, images, check)?;
        parts[place] = Some(records);
    }
    let mut files = layout.train.iter().chain([&layout.test]).zip(parts);
    let mut train = Records::default();
    let mut take = || match files.next() {
        Some((_, Some(records))) => Ok(records),
        other => Err(Error::Missing {
            folder: archive.to_path_buf(),
            file: other.map_or(layout.test, |(file, _)| *file),
            archive: layout.archive,
            name: layout.name,
        }),
    };
    for _ in layout.train {
        let records = take()?;
        train.labels.extend(records.labels);
        train.images.extend(records.images);
    }
    Ok((train, take()?))
}

impl Records {
    fn add(
        &mut self,
        layout: &Layout,
        path: &Path,
        reader: impl Read,
        images: usize,
        check: Check,
    ) -> Result<(), Error> {
        let record = layout.label_bytes + PIXELS;
        let most = match check {
            Check::Official => (images * record) as u64 + 1,
            Check::Any => MOST_BYTES,
        };
        let mut bytes = Vec::new();
        let read = reader.take(most).read_to_end(&mut bytes);
        let found = read.map_err(|source| io_error(path, source))?;
        let images = match check {
            Check::Official => images,
            Check::Any => found / record,
        };
        if found != images * record {
            return Err(Error::Size {
                path: path.to_path_buf(),
                found,
                images,
                record,
                expected: images * record,
            });
        }
        for record in bytes.chunks_exact(record) {
            self.labels.push(record[layout.label_bytes - 1]);
            self.images.extend(&record[layout.label_bytes..]);
        }
        Ok(())
    }
}

fn dataset(
    layout: &Layout,
    folder: &Path,
    records: &Records,
    check: Check,
) -> Result<Dataset, Error> {
    let dataset = Dataset::new(&records.images, &records.labels, INPUT, layout.classes);
    let dataset = dataset.map_err(|source| Error::Dataset {
        folder: folder.to_path_buf(),
        source,
    })?;
    let expected = records.labels.len() / layout.classes;
    for class in 0..layout.classes {
        let of_class = |label: &&u8| usize::from(**label) == class;
        let found = records.labels.iter().filter(of_class).count();
        if check == Check::Official && found != expected {
            return Err(Error::Balance {
                folder: folder.to_path_buf(),
                name: layout.name,
                class,
                found,
                expected,
            });
        }
    }
    Ok(dataset)
}

fn io_error(path: &Path, source: io::Error) -> Error {
    Error::Io {
        path: path.to_path_buf(),
        source,
    }
}
