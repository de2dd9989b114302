//! Observations without an answer, kept in a file beside the process.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use peng_proto::v1::Observation;

use crate::Error;

/// Bytes of an observation: epoch and value, little endian.
const RECORD: usize = 16;
const EXTENSION: &str = "spool";

/// What one trial has sent and has no answer to, in a file that outlives the process.
///
/// Observations are appended when they are sent and the file is emptied when all have an
/// answer. What had its answer may so be sent again after a crash, which is harmless: the server
/// answers it with the logged decision. The system writes the file to the disk when it likes:
/// it outlives the death of the process, not that of the machine.
#[derive(Debug)]
pub(crate) struct Spool {
    path: PathBuf,
    file: File,
    /// Observations in the file, those with an answer included.
    records: usize,
}

impl Spool {
    /// The spool of a trial and what a process before this one has left in it, oldest first.
    pub(crate) fn open(folder: &Path, trial: &str) -> Result<(Self, Vec<Observation>), Error> {
        let path = folder.join(format!("{}.{EXTENSION}", trial.replace('/', "~")));
        let open = || -> io::Result<_> {
            fs::create_dir_all(folder)?;
            let mut file = options().truncate(false).open(&path)?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            // A process that died while writing leaves a part of a record.
            let (records, rest) = bytes.as_chunks::<RECORD>();
            if !rest.is_empty() {
                file.set_len((bytes.len() - rest.len()) as u64)?;
            }
            Ok((file, records.iter().map(read).collect::<Vec<_>>()))
        };
        let (file, left) = open().map_err(|source| failed(&path, source))?;
        let records = left.len();
        let spool = Self {
            path,
            file,
            records,
        };
        Ok((spool, left))
    }

    /// Adds an observation that is about to be sent.
    pub(crate) fn push(&mut self, observation: &Observation) -> Result<(), Error> {
        // At its place: over what there was only room for in part.
        let place = (self.records * RECORD) as u64;
        let written = self.file.write_all_at(&record(observation), place);
        written.map_err(|source| failed(&self.path, source))?;
        self.records += 1;
        Ok(())
    }

    /// Takes note of what has no answer yet: nothing of the rest is kept.
    pub(crate) fn keep<'a>(
        &mut self,
        unanswered: impl ExactSizeIterator<Item = &'a Observation>,
    ) -> Result<(), Error> {
        let left = unanswered.len();
        // Half of the file at most has an answer, so that a rewrite pays for itself.
        if self.records == left || (left > 0 && self.records < 2 * left + 1_024) {
            return Ok(());
        }
        let bytes: Vec<u8> = unanswered.flat_map(record).collect();
        self.rewrite(&bytes)
            .map_err(|source| failed(&self.path, source))?;
        self.records = left;
        Ok(())
    }

    /// The file has `bytes` in the place of all that it had, or stays as it was.
    fn rewrite(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return self.file.set_len(0);
        }
        let fresh = self.path.with_extension("fresh");
        let mut file = options().truncate(true).open(&fresh)?;
        file.write_all(bytes)?;
        fs::rename(&fresh, &self.path)?;
        self.file = file;
        Ok(())
    }

    /// Removes the file, of a trial of which nothing is left to send.
    pub(crate) fn remove(self) -> Result<(), Error> {
        fs::remove_file(&self.path).map_err(|source| failed(&self.path, source))
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true);
    options
}

/// The trials of which the folder holds observations; none where there is no folder.
pub(crate) fn trials(folder: &Path) -> Result<Vec<String>, Error> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|source| failed(folder, source))?,
    };
    let mut trials = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|source| failed(folder, source))?;
        let path = entry.path();
        let size = entry.metadata().map_err(|source| failed(&path, source))?;
        let name = path.file_stem().and_then(|name| name.to_str());
        if let Some(name) = name.filter(|_| size.len() >= RECORD as u64)
            && path.extension().is_some_and(|kind| kind == EXTENSION)
        {
            trials.push(name.replace('~', "/"));
        }
    }
    trials.sort();
    Ok(trials)
}

fn record(observation: &Observation) -> [u8; RECORD] {
    let mut record = [0; RECORD];
    record[..8].copy_from_slice(&observation.epoch.to_le_bytes());
    record[8..].copy_from_slice(&observation.value.to_le_bytes());
    record
}

fn read(record: &[u8; RECORD]) -> Observation {
    let number = |half: &[u8]| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(half);
        f64::from_le_bytes(bytes)
    };
    let (epoch, value) = record.split_at(8);
    Observation {
        epoch: number(epoch),
        value: number(value),
    }
}

fn failed(path: &Path, source: io::Error) -> Error {
    Error::Spool {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // in tests a panic is the message
mod tests {
    use super::*;

    const TRIAL: &str = "experiments/e/trials/t-1";

    fn at(epoch: u32) -> Observation {
        Observation {
            epoch: epoch.into(),
            value: 50.0,
        }
    }

    #[test]
    fn what_a_process_leaves_the_next_one_finds() {
        let folder = tempfile::tempdir().unwrap();
        let (mut spool, left) = Spool::open(folder.path(), TRIAL).unwrap();
        assert_eq!(left, []);
        assert_eq!(trials(folder.path()).unwrap(), [""; 0]);
        for epoch in 1..=3 {
            spool.push(&at(epoch)).unwrap();
        }
        drop(spool);
        assert_eq!(trials(folder.path()).unwrap(), [TRIAL]);
        let (mut spool, left) = Spool::open(folder.path(), TRIAL).unwrap();
        assert_eq!(left, [at(1), at(2), at(3)]);
        spool.keep([].iter()).unwrap();
        drop(spool);
        let (_, left) = Spool::open(folder.path(), TRIAL).unwrap();
        assert_eq!(left, []);
    }

    #[test]
    fn half_a_record_is_dropped_and_what_follows_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (mut spool, _) = Spool::open(folder.path(), TRIAL).unwrap();
        spool.push(&at(1)).unwrap();
        torn(&spool);
        drop(spool);
        let (mut spool, left) = Spool::open(folder.path(), TRIAL).unwrap();
        assert_eq!(left, [at(1)]);
        spool.push(&at(2)).unwrap();
        drop(spool);
        let (_, left) = Spool::open(folder.path(), TRIAL).unwrap();
        assert_eq!(left, [at(1), at(2)]);
    }

    /// What a disk without room, or a process that dies, leaves of a record.
    fn torn(spool: &Spool) {
        let mut file = OpenOptions::new().append(true).open(&spool.path).unwrap();
        file.write_all(&[7; 5]).unwrap();
    }

    #[test]
    fn a_process_that_lives_writes_over_half_a_record() {
        let folder = tempfile::tempdir().unwrap();
        let (mut spool, _) = Spool::open(folder.path(), TRIAL).unwrap();
        spool.push(&at(1)).unwrap();
        torn(&spool);
        spool.push(&at(2)).unwrap();
        drop(spool);
        let (_, left) = Spool::open(folder.path(), TRIAL).unwrap();
        assert_eq!(left, [at(1), at(2)]);
    }

    #[test]
    fn a_rewrite_that_fails_leaves_all_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let (mut spool, _) = Spool::open(folder.path(), TRIAL).unwrap();
        for epoch in 1..=2_000 {
            spool.push(&at(epoch)).unwrap();
        }
        // No file can be written there.
        let fresh = spool.path.with_extension("fresh");
        fs::create_dir(&fresh).unwrap();
        let last = [at(1_999), at(2_000)];
        spool.keep(last.iter()).unwrap_err();
        spool.push(&at(2_001)).unwrap();
        let (_, left) = Spool::open(folder.path(), TRIAL).unwrap();
        assert_eq!((left.len(), left[2_000]), (2_001, at(2_001)));
        fs::remove_dir(&fresh).unwrap();
        spool.keep(last.iter()).unwrap();
        spool.push(&at(2_002)).unwrap();
        let (_, left) = Spool::open(folder.path(), TRIAL).unwrap();
        assert_eq!(left, [at(1_999), at(2_000), at(2_002)]);
    }

    #[test]
    fn the_file_stays_in_proportion_to_what_has_no_answer() {
        let folder = tempfile::tempdir().unwrap();
        let (mut spool, _) = Spool::open(folder.path(), TRIAL).unwrap();
        for epoch in 1..=10_000 {
            spool.push(&at(epoch)).unwrap();
            spool.keep([at(epoch)].iter()).unwrap();
        }
        let size = fs::metadata(&spool.path).unwrap().len();
        assert!(size <= 1_026 * RECORD as u64, "{size}");
        let (_, left) = Spool::open(folder.path(), TRIAL).unwrap();
        assert_eq!(left.last(), Some(&at(10_000)));
    }
}
