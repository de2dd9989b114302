//! PostgreSQL for the tests of servers that share a database.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run;

const OLDEST: u32 = 15;

/// What the tests find by themselves.
pub(crate) enum Postgres {
    /// The server that `PENG4NN_POSTGRES` names.
    Given,
    /// The programs of an installed version.
    Installed(PathBuf),
    /// None: tests say so, and fail where `CI` is set.
    Missing,
}

/// PostgreSQL 15 or newer, from Debian's package where there is none and this
/// account may install it. A machine without one is no error.
pub(crate) fn ensure() -> Postgres {
    if env::var_os("PENG4NN_POSTGRES").is_some_and(|url| !url.is_empty()) {
        return Postgres::Given;
    }
    if let Some(programs) = installed() {
        return Postgres::Installed(programs);
    }
    if is_root() && run::is_there("apt-get") {
        install();
    }
    installed().map_or(Postgres::Missing, Postgres::Installed)
}

/// The programs alone: no cluster of the machine's own is made or started.
fn install() {
    const NO_CLUSTER: &str = "create_main_cluster = false\n";
    let settings = Path::new("/etc/postgresql-common/createcluster.conf");
    if !settings.exists() {
        let made = settings.parent().map(fs::create_dir_all);
        if made.is_some_and(|made| made.is_ok()) {
            // Where it cannot be written, a cluster is made that nobody uses.
            drop(fs::write(settings, NO_CLUSTER));
        }
    }
    let apt = |arguments: &[&str]| {
        let mut apt = run::command("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive");
        run::shown(apt.arg("--quiet").args(arguments))
    };
    let done = apt(&["update"]).and_then(|()| {
        apt(&[
            "install",
            "--yes",
            "--no-install-recommends",
            "-o",
            "Dpkg::Options::=--force-confold",
            "postgresql",
        ])
    });
    if let Err(error) = done {
        println!("Debian's package postgresql cannot be installed: {error}");
    }
}

fn is_root() -> bool {
    let answer = Command::new("id").arg("-u").output();
    answer.is_ok_and(|answer| answer.stdout.trim_ascii() == b"0")
}

/// The folder with the programs of a version that is new enough.
fn installed() -> Option<PathBuf> {
    let on_path = env::var_os("PATH").unwrap_or_default();
    let packaged = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let packaged = packaged.flatten().map(|version| version.path().join("bin"));
    let mut folders = env::split_paths(&on_path).chain(packaged);
    folders.find(|folder| version(folder).is_some_and(|version| version >= OLDEST))
}

fn version(programs: &Path) -> Option<u32> {
    let answer = Command::new(programs.join("initdb"))
        .arg("--version")
        .output()
        .ok()?;
    // initdb (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)
    let text = String::from_utf8(answer.stdout).ok()?;
    let version = text.split_whitespace().nth(2)?;
    version.split('.').next()?.parse().ok()
}
