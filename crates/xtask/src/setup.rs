//! `cargo xtask setup`: everything that a build, a run or the tests need from outside.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::install::Lock;
use crate::postgres::{self, Postgres};
use crate::{dataset, libtorch, place, python};

/// What to set up.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Set up only these parts (may be given several times).
    #[arg(long, value_enum)]
    only: Vec<Part>,
    /// A folder that holds the four Fashion-MNIST files (IDX, plain or .gz).
    #[arg(long, env = "PENG4NN_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
}

/// A part of the set-up.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// libtorch, linked at target/libtorch.
    Libtorch,
    /// The Fashion-MNIST images.
    Dataset,
    /// The Python environment of the tests.
    Python,
    /// PostgreSQL 15 or newer for the tests: Debian's package, where root asks.
    Postgres,
}

/// Sets up the parts asked for; libtorch and the data set if none is named.
pub(crate) fn run(args: &Args) -> Result<()> {
    let wanted = |part| {
        if args.only.is_empty() {
            !matches!(part, Part::Python | Part::Postgres)
        } else {
            args.only.contains(&part)
        }
    };
    let cache = place::cache()?;
    let _lock = Lock::wait(&cache)?;
    if wanted(Part::Libtorch) {
        println!("libtorch       {}", libtorch::ensure(&cache)?.display());
    }
    if wanted(Part::Dataset) {
        let folder = dataset::ensure(args.data.as_deref(), &cache)?;
        println!("Fashion-MNIST  {}", folder.display());
    }
    if wanted(Part::Python) {
        println!("Python         {}", python::tests(&cache)?.display());
    }
    if wanted(Part::Postgres) {
        match postgres::ensure() {
            Postgres::Given => println!("PostgreSQL     $PENG4NN_POSTGRES"),
            Postgres::Installed(programs) => println!("PostgreSQL     {}", programs.display()),
            Postgres::Missing => bail!(
                "PostgreSQL 15 or newer is missing: install it (Debian: apt-get install postgresql), \
                 or set PENG4NN_POSTGRES to the address of a server whose user may create databases"
            ),
        }
    }
    Ok(())
}
