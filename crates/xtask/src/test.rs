//! `cargo xtask test`: every check and every test, with their wall times.

use std::path::PathBuf;

use anyhow::Result;

use crate::install::Lock;
use crate::run::Steps;
use crate::{borders, dataset, format, libtorch, lint, place, postgres, python, run};

/// What the tests are told by environment variables.
struct Fixtures {
    data: PathBuf,
    python: PathBuf,
}

/// Sets up, checks, builds once and tests.
pub(crate) fn run() -> Result<()> {
    let mut steps = Steps::default();
    let result = check_and_test(&mut steps);
    steps.summary();
    result
}

/// The checks without the tests.
pub(crate) fn checks() -> Result<()> {
    let mut steps = Steps::default();
    let result = steps
        .step("set-up", || prepare().map(drop))
        .and_then(|()| check(&mut steps));
    steps.summary();
    result
}

fn check_and_test(steps: &mut Steps) -> Result<()> {
    let mut fixtures = None;
    steps.step("set-up", || {
        fixtures = Some(prepare()?);
        Ok(())
    })?;
    check(steps)?;
    // All targets at once, so that features are resolved as in the test run and nothing is
    // built twice; it also leaves the binaries that the system tests start.
    steps.step("build", || {
        run::shown(run::cargo().args(["build", "--workspace", "--all-targets", "--locked"]))
    })?;
    steps.step("tests", || {
        let mut cargo = run::cargo();
        cargo
            .args(["test", "--workspace", "--locked", "--no-fail-fast"])
            .env("PENG4NN_BIN_DIR", place::target().join("debug"));
        if let Some(Fixtures { data, python }) = &fixtures {
            cargo
                .env("PENG4NN_DATA", data)
                .env("PENG4NN_PYTHON", python);
        }
        run::shown(&mut cargo)
    })
}

fn check(steps: &mut Steps) -> Result<()> {
    steps.step("format", format::check)?;
    steps.step("crate borders", borders::check)?;
    steps.step("lint of proto/ and deploy/", lint::run)?;
    steps.step("clippy", || {
        run::shown(run::cargo().args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "--deny=warnings",
        ]))
    })
}

fn prepare() -> Result<Fixtures> {
    let cache = place::cache()?;
    let _lock = Lock::wait(&cache)?;
    libtorch::ensure(&cache)?;
    // The tests say what follows where there is none.
    postgres::ensure();
    Ok(Fixtures {
        data: dataset::ensure(place::given("PENG4NN_DATA").as_deref(), &cache)?,
        python: python::tests(&cache)?,
    })
}
