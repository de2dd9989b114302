//! Fashion-MNIST: from a folder, the cache, Debian's package or the data set's home page.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::install::{self, move_into};
use crate::{digest, run};

/// The official files with the SHA-256 of their unpacked content. Debian packs them anew; with
/// the original headers put back, all four meet the MD5 sums published with the data set.
const FILES: [(&str, &str); 4] = [
    (
        "train-images-idx3-ubyte",
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    ),
    (
        "train-labels-idx1-ubyte",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ),
    (
        "t10k-images-idx3-ubyte",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    ),
    (
        "t10k-labels-idx1-ubyte",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
];

const PACKAGE: &str = "dataset-fashion-mnist";
const HOME: &str = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com";

/// Puts the four files, packed, into a folder.
type Fetch = fn(&Path) -> Result<()>;

/// The folder with the four files, each checked; fetched if there is none.
pub(crate) fn ensure(given: Option<&Path>, cache: &Path) -> Result<PathBuf> {
    if let Some(folder) = given {
        check(folder)?;
        return std::path::absolute(folder).context("cannot name the folder absolutely");
    }
    let folder = cache.join("datasets/fashion-mnist");
    if folder.is_dir() {
        match check(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) => println!("the cached Fashion-MNIST is damaged ({error:#}): again"),
        }
    }
    install::folder(&folder, |partial| {
        let sources: [(&str, Fetch); 2] = [
            ("Debian's package dataset-fashion-mnist", from_debian),
            ("the data set's home page", from_home_page),
        ];
        for (name, fetch) in sources {
            println!("Fashion-MNIST comes from {name}, 31 MB to download");
            match fetch(partial).and_then(|()| check(partial)) {
                Ok(()) => return Ok(()),
                Err(error) => println!("not from {name}: {error:#}"),
            }
        }
        bail!(
            "Fashion-MNIST could not be fetched. To give it by hand, put {} (plain or .gz) into \
             a folder and set PENG4NN_DATA to it (or --data).",
            FILES.map(|(name, _)| name).join(", ")
        )
    })?;
    Ok(folder)
}

/// Checks that all four files are there with the official content.
fn check(folder: &Path) -> Result<()> {
    for (name, expected) in FILES {
        let packed = folder.join(format!("{name}.gz"));
        let plain = folder.join(name);
        let path = if packed.is_file() { packed } else { plain };
        if !path.is_file() {
            bail!("{} holds neither {name} nor {name}.gz", folder.display());
        }
        let found = digest::of_content(&path)?;
        if found != expected {
            bail!(
                "{} is not the official file: SHA-256 of its content is {found}, not {expected}",
                path.display()
            );
        }
    }
    Ok(())
}

/// Downloads the package with apt and unpacks it, without root and without installing it.
fn from_debian(folder: &Path) -> Result<()> {
    if !run::is_there("apt-get") || !run::is_there("dpkg-deb") {
        bail!("this machine has no apt-get and dpkg-deb");
    }
    let work = folder.join("debian");
    let unpacked = work.join("unpacked");
    fs::create_dir_all(&unpacked).context("cannot make a folder")?;
    apt_download(&work)?;
    let package = fs::read_dir(&work)?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .context("apt-get left no package")?;
    run::shown(
        run::command("dpkg-deb")
            .arg("-x")
            .arg(package)
            .arg(&unpacked),
    )?;
    for (name, _) in FILES {
        let file = format!("{name}.gz");
        let from = unpacked
            .join("usr/share/datasets/fashion-mnist")
            .join(&file);
        move_into(&from, &folder.join(file))?;
    }
    install::remove(&work)
}

/// With the machine's package lists, else with lists of our own in `work`.
fn apt_download(work: &Path) -> Result<()> {
    let apt = || {
        let mut apt = run::command("apt-get");
        apt.current_dir(work).arg("--quiet");
        apt
    };
    if run::shown(apt().args(["download", PACKAGE])).is_ok() {
        return Ok(());
    }
    let state = work.join("apt");
    fs::create_dir_all(state.join("lists/partial")).context("cannot make a folder")?;
    fs::create_dir_all(state.join("cache/archives/partial")).context("cannot make a folder")?;
    let own = [
        "-o".to_owned(),
        format!("Dir::State::lists={}", state.join("lists").display()),
        "-o".to_owned(),
        format!("Dir::Cache={}", state.join("cache").display()),
    ];
    run::shown(apt().args(&own).arg("update"))?;
    run::shown(apt().args(&own).args(["download", PACKAGE]))
}

fn from_home_page(folder: &Path) -> Result<()> {
    for (name, _) in FILES {
        let file = format!("{name}.gz");
        let (address, path) = (format!("{HOME}/{file}"), folder.join(&file));
        if run::is_there("curl") {
            run::shown(
                run::command("curl")
                    .args(["--fail", "--location", "--silent", "--show-error"])
                    .args(["--connect-timeout", "15", "--retry", "2", "--output"])
                    .arg(path)
                    .arg(address),
            )?;
        } else if run::is_there("wget") {
            run::shown(
                run::command("wget")
                    .args(["--quiet", "--timeout=15", "--tries=3", "-O"])
                    .arg(path)
                    .arg(address),
            )?;
        } else {
            bail!("this machine has neither curl nor wget");
        }
    }
    Ok(())
}
