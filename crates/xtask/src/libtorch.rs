//! libtorch: an existing one, else the lean part of `PyTorch`'s wheel, linked at `target/libtorch`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::install::{self, move_into};
use crate::{place, python, run};

/// The version that the tch release in Cargo.toml is bound to.
const VERSION: &str = "2.11.0";

/// What is fetched: torch itself and the two CUDA libraries that even its CPU part is linked to.
const WHEELS: [&str; 3] = [
    "torch==2.11.0",
    "nvidia-cuda-cupti==13.0.85",
    "nvidia-cuda-runtime==13.0.96",
];

/// pip matches platform tags exactly, and the three wheels bear different ones.
const PLATFORMS: [&str; 3] = [
    "manylinux_2_28_x86_64",
    "manylinux_2_25_x86_64",
    "manylinux2014_x86_64",
];

/// What linking and running need of the wheels: 513 of 1,170 MiB.
/// `libtorch_cpu.so` looks for the CUDA libraries in `../../nvidia`, so the layout stays.
const NEEDED: [&str; 8] = [
    "torch/include",
    "torch/lib/libc10.so",
    "torch/lib/libgomp.so.1",
    "torch/lib/libtorch.so",
    "torch/lib/libtorch_cpu.so",
    "nvidia/cu13/lib/libcudart.so.13",
    "nvidia/cu13/lib/libcupti.so.13",
    "torch-2.11.0.dist-info/licenses",
];

const BY_HAND: &str = "libtorch could not be set up. To give one by hand, set PENG4NN_LIBTORCH to the `torch` folder of an \
    installed PyTorch 2.11 (`pip install torch==2.11.0`) or to an unpacked libtorch 2.11 \
    with C++11 ABI: the folder that holds `lib` and `include`.";

/// Makes libtorch ready and returns the folder that holds its `lib` and `include`.
pub(crate) fn ensure(cache: &Path) -> Result<PathBuf> {
    let torch = match place::given("PENG4NN_LIBTORCH") {
        Some(folder) => checked(&folder)
            .with_context(|| format!("PENG4NN_LIBTORCH={} cannot be used", folder.display())),
        None => cached(cache),
    }
    .context(BY_HAND)?;
    link(&torch)?;
    Ok(torch)
}

/// A folder given by hand: it, or its `torch`, holds libtorch of the right version.
fn checked(given: &Path) -> Result<PathBuf> {
    let given = place::root().join(given);
    let torch = [given.clone(), given.join("torch")]
        .into_iter()
        .find(|folder| folder.join("lib/libtorch_cpu.so").is_file())
        .context("it holds no lib/libtorch_cpu.so")?;
    if !torch.join("include/torch/csrc").is_dir() {
        bail!("it holds no include/torch/csrc");
    }
    let version = version(&torch).context("its version cannot be told from build-version")?;
    if version != VERSION {
        bail!("it is libtorch {version}, and tch is bound to {VERSION}");
    }
    torch.canonicalize().context("its path cannot be resolved")
}

/// The version in libtorch's `build-version` or a wheel's `version.py`, less its `+cpu`.
fn version(torch: &Path) -> Option<String> {
    let text = fs::read_to_string(torch.join("build-version")).or_else(|_| {
        let python = fs::read_to_string(torch.join("version.py"))?;
        let quoted = python
            .lines()
            .find_map(|line| line.strip_prefix("__version__ = "))
            .unwrap_or_default();
        Ok::<_, std::io::Error>(quoted.trim_matches(['\'', '"']).to_owned())
    });
    let text = text.ok()?;
    let version = text.trim().split('+').next()?;
    (!version.is_empty()).then(|| version.to_owned())
}

fn cached(cache: &Path) -> Result<PathBuf> {
    let folder = cache.join(format!("libtorch-{VERSION}"));
    if !folder.join("torch/build-version").is_file() {
        if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
            bail!("libtorch is fetched for Linux on x86_64 only");
        }
        println!("libtorch {VERSION} comes from PyPI, about 0.55 GB to download");
        install::folder(&folder, |partial| {
            let wheels = partial.join("wheels");
            fetch(&wheels)?;
            for part in NEEDED {
                move_into(&wheels.join(part), &partial.join(part))?;
            }
            install::remove(&wheels)?;
            fs::write(partial.join("torch/build-version"), VERSION)
                .context("cannot write build-version")
        })?;
    }
    Ok(folder.join("torch"))
}

fn fetch(folder: &Path) -> Result<()> {
    let mut pip = python::pip()?;
    pip.args(["install", "--no-deps", "--no-compile"])
        .args(["--only-binary=:all:", "--implementation", "cp"])
        .args(["--python-version", "3.12"]);
    for platform in PLATFORMS {
        pip.args(["--platform", platform]);
    }
    pip.arg("--target").arg(folder).args(WHEELS);
    run::shown(&mut pip).context("pip could not fetch libtorch; is PyPI reached from here?")
}

/// Links `target/libtorch/torch`, which `.cargo/config.toml` names, to the folder.
/// It is in the repository whatever `CARGO_TARGET_DIR` says.
fn link(torch: &Path) -> Result<()> {
    let place = place::root().join("target/libtorch");
    let link = place.join("torch");
    if fs::read_link(&link).is_ok_and(|linked| linked == torch) {
        return Ok(());
    }
    install::remove(&link)?;
    fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
    symlink(torch, &link).with_context(|| format!("cannot link {}", link.display()))
}
