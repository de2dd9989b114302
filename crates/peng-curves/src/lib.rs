//! Recorded learning curves from CSV, plain or gzipped.

mod lines;

use std::{
    collections::HashMap,
    fmt::Display,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use csv::StringRecord;
use flate2::bufread::MultiGzDecoder;
use lines::Lines;
use peng_predict::{Epoch, Observation, ValueRange, rate::Schedule};

/// The first bytes of a gzip file (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Which column holds what.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Input")]
pub struct Columns {
    /// The column that names the curve of a row
    #[arg(long = "curve-column", value_name = "NAME", default_value = "curve_id")]
    curve: String,
    /// The column with the epoch: a number above 0
    #[arg(long = "epoch-column", value_name = "NAME", default_value = "epoch")]
    epoch: String,
    /// The column with the value: a number, or `nan` where the training diverged
    #[arg(
        long = "value-column",
        value_name = "NAME",
        default_value = "val_accuracy"
    )]
    value: String,
    /// The column with how the learning rate of a curve ran.
    #[arg(skip)]
    schedule: Option<String>,
}

impl Columns {
    /// With the column that has how the learning rate of a curve ran; none where no column has.
    #[must_use]
    pub fn with_schedule(mut self, name: Option<String>) -> Self {
        self.schedule = name;
        self
    }

    /// The name of the column with the value.
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl Default for Columns {
    fn default() -> Self {
        Self {
            curve: "curve_id".to_owned(),
            epoch: "epoch".to_owned(),
            value: "val_accuracy".to_owned(),
            schedule: None,
        }
    }
}

/// One training.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// As in the file.
    pub id: String,
    /// By epoch, each epoch once; at least one.
    pub observations: Vec<Observation>,
    /// How its learning rate ran, where the file says it.
    pub schedule: Option<Arc<Schedule>>,
}

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be opened, read or unpacked.
    #[error("cannot read {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no CSV file.
    #[error("{}: not a CSV file", path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// Why.
        source: csv::Error,
    },
    /// A row is longer or shorter than the head.
    #[error("{}:{line}: {found} columns; {right} would be right, as in the head", path.display())]
    Width {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// How many columns the row has.
        found: u64,
        /// How many the head has.
        right: u64,
    },
    /// A field is no UTF-8.
    #[error("{}:{line}: column {number}: must be UTF-8", path.display())]
    Text {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// The column's place, from 1.
        number: usize,
    },
    /// The head lacks a column.
    #[error(
        "{}: no column `{name}`; the columns are {columns}; {flag} names another{hint}",
        path.display()
    )]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The column that is not there.
        name: String,
        /// The columns that are.
        columns: String,
        /// The flag that names another.
        flag: &'static str,
        /// What else may be wrong, or nothing.
        hint: &'static str,
    },
    /// There is no row in it.
    #[error("{}: no curve in it", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A field is not what its column asks for.
    #[error("{}:{line}: column {number} (`{column}`): {wrong}", path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// The column's place, from 1.
        number: usize,
        /// Its name.
        column: String,
        /// What is wrong and what would be right.
        wrong: String,
    },
}

/// Reads all curves of a file, as [`parse`] does.
pub fn read(path: &Path, columns: &Columns, range: ValueRange) -> Result<Vec<Curve>, Error> {
    let file = File::open(path).map_err(|source| unreadable(path, source))?;
    parse(path, BufReader::new(file), columns, range)
}

/// Reads all curves of an input, plain or gzipped, in the order of their first rows; `path` is
/// what errors call it. Rows may come in any order; finite values must lie in `range`.
pub fn parse(
    path: &Path,
    input: impl BufRead + 'static,
    columns: &Columns,
    range: ValueRange,
) -> Result<Vec<Curve>, Error> {
    let input = decoded(input).map_err(|source| unreadable(path, source))?;
    let curves = Rows::new(path, input, columns, range)?.collect()?;
    if curves.is_empty() {
        let path = path.to_owned();
        return Err(Error::Empty { path });
    }
    Ok(curves)
}

fn unreadable(path: &Path, source: io::Error) -> Error {
    Error::Open {
        path: path.to_owned(),
        source,
    }
}

/// The lines of the input, unpacked where it begins as a gzip file does.
fn decoded(mut input: impl BufRead + 'static) -> io::Result<Box<dyn Read>> {
    Ok(if input.fill_buf()?.starts_with(&GZIP) {
        Box::new(Lines::new(BufReader::new(MultiGzDecoder::new(input))))
    } else {
        Box::new(Lines::new(input))
    })
}

/// A column by its place from 0.
struct Column {
    name: String,
    index: usize,
}

/// The rows of one file.
struct Rows<'a> {
    path: &'a Path,
    reader: csv::Reader<Box<dyn Read>>,
    curve: Column,
    epoch: Column,
    value: Column,
    schedule: Option<Column>,
    range: ValueRange,
}

impl<'a> Rows<'a> {
    fn new(
        path: &'a Path,
        input: Box<dyn Read>,
        columns: &Columns,
        range: ValueRange,
    ) -> Result<Self, Error> {
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_reader(input);
        let heads = reader.headers().map_err(|source| broken(path, 1, source))?;
        if heads.is_empty() {
            let path = path.to_owned();
            return Err(Error::Empty { path });
        }
        let column = |name: &str, flag| {
            let index = heads.iter().position(|head| head == name);
            let index = index.ok_or_else(|| Error::NoColumn {
                path: path.to_owned(),
                name: name.to_owned(),
                columns: heads.iter().collect::<Vec<_>>().join(", "),
                flag,
                hint: match heads.get(0) {
                    Some(head) if heads.len() == 1 && head.contains([';', '\t']) => {
                        "; commas separate columns"
                    }
                    _ => "",
                },
            })?;
            let name = name.to_owned();
            Ok(Column { name, index })
        };
        let curve = column(&columns.curve, "--curve-column")?;
        let epoch = column(&columns.epoch, "--epoch-column")?;
        let value = column(&columns.value, "--value-column")?;
        let schedule = columns.schedule.as_deref();
        let schedule = schedule
            .map(|name| column(name, "--schedule-column"))
            .transpose()?;
        Ok(Self {
            path,
            reader,
            curve,
            epoch,
            value,
            schedule,
            range,
        })
    }

    fn collect(mut self) -> Result<Vec<Curve>, Error> {
        let mut curves: Vec<Curve> = Vec::new();
        let mut places = HashMap::new();
        let mut lines = HashMap::new();
        let mut row = StringRecord::new();
        while self.next(&mut row)? {
            let (id, observation) = self.parse(&row)?;
            let place = *places.entry(id.to_owned()).or_insert_with(|| {
                let id = id.to_owned();
                curves.push(Curve {
                    id,
                    observations: Vec::new(),
                    schedule: None,
                });
                curves.len() - 1
            });
            self.note_schedule(&row, &mut curves[place])?;
            if let Some(earlier) = lines.insert((place, observation.epoch), self.line()) {
                let wrong = format!("line {earlier} has the same epoch of curve `{id}`");
                return Err(self.error(&self.epoch, &wrong));
            }
            curves[place].observations.push(observation);
        }
        for curve in &mut curves {
            curve
                .observations
                .sort_by_key(|observation| observation.epoch);
        }
        Ok(curves)
    }

    fn next(&mut self, row: &mut StringRecord) -> Result<bool, Error> {
        let read = self.reader.read_record(row);
        read.map_err(|source| broken(self.path, self.line(), source))
    }

    /// The line of the row just read; the last one of several. The reader's own place of a row is
    /// before the empty lines above it.
    fn line(&self) -> u64 {
        self.reader.position().line() - 1
    }

    fn parse<'r>(&self, row: &'r StringRecord) -> Result<(&'r str, Observation), Error> {
        let id = self.text(row, &self.curve, "a name")?;
        let epoch = self.number(row, &self.epoch, "a number above 0")?;
        let epoch = Epoch::new(epoch).map_err(|error| self.error(&self.epoch, &error))?;
        let diverged = "a number, or nan where the training diverged,";
        let value = self.number(row, &self.value, diverged)?;
        if value.is_finite() && !self.range.contains(value) {
            let ends = [self.range.lower(), self.range.upper(), value];
            let [lower, upper, value] = ends.map(short);
            let wrong = format!(
                "must be from {lower} to {upper}, or nan, got {value}; --lower and --upper set \
                 another range"
            );
            return Err(self.error(&self.value, &wrong));
        }
        Ok((id, Observation { epoch, value }))
    }

    /// Takes down the schedule of a curve, which is the same in all of its rows.
    fn note_schedule(&self, row: &StringRecord, curve: &mut Curve) -> Result<(), Error> {
        let Some(column) = &self.schedule else {
            return Ok(());
        };
        let text = row.get(column.index).unwrap_or_default();
        let told = (!text.is_empty()).then(|| text.parse::<Schedule>());
        let told = told
            .transpose()
            .map_err(|error| self.error(column, &error))?;
        if curve.observations.is_empty() {
            curve.schedule = told.map(Arc::new);
        } else if curve.schedule.as_deref() != told.as_ref() {
            let wrong = format!(
                "`{text}` is not what a row above says of curve `{}`",
                curve.id
            );
            return Err(self.error(column, &wrong));
        }
        Ok(())
    }

    fn text<'r>(
        &self,
        row: &'r StringRecord,
        column: &Column,
        right: &str,
    ) -> Result<&'r str, Error> {
        row.get(column.index)
            .filter(|text| !text.is_empty())
            .ok_or_else(|| self.error(column, &format!("is empty; {right} would be right")))
    }

    fn number(&self, row: &StringRecord, column: &Column, right: &str) -> Result<f64, Error> {
        let text = self.text(row, column, right)?;
        text.parse()
            .map_err(|_| self.error(column, &format!("must be a number, got `{text}`")))
    }

    fn error(&self, column: &Column, wrong: &(impl Display + ?Sized)) -> Error {
        Error::Field {
            path: self.path.to_owned(),
            line: self.line(),
            number: column.index + 1,
            column: column.name.clone(),
            wrong: wrong.to_string(),
        }
    }
}

/// A number as text, with an exponent where it would have many zeros.
fn short(number: f64) -> String {
    if number == 0.0 || (1e-6..1e15).contains(&number.abs()) {
        number.to_string()
    } else {
        format!("{number:e}")
    }
}

/// What the reader met in the row that ends in this line.
fn broken(path: &Path, line: u64, source: csv::Error) -> Error {
    let path = path.to_owned();
    if source.is_io_error() {
        let source = source.into();
        return Error::Open { path, source };
    }
    match source.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => Error::Width {
            path,
            line,
            found: *len,
            right: *expected_len,
        },
        csv::ErrorKind::Utf8 { err, .. } => Error::Text {
            path,
            line,
            number: err.field() + 1,
        },
        _ => Error::Csv { path, source },
    }
}

#[cfg(test)]
mod tests;
