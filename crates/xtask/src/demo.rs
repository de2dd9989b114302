//! `cargo xtask demo`: a whole search on this machine.

use anyhow::Result;

use crate::install::Lock;
use crate::{dataset, libtorch, place, run};

/// What `peng4nn search` is told unless the command line says otherwise: about five minutes on
/// two cores, with curves smooth enough that most predictions settle.
const DEFAULTS: [(&str, &str); 5] = [
    ("--candidates", "16"),
    ("--epochs", "12"),
    ("--train-images", "5000"),
    ("--validation-images", "4000"),
    ("--workers", "2"),
];

/// Trains the same candidates to the end.
const TO_THE_END: &str = "--no-early-stop";

/// Arguments of the demo.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Handed to `peng4nn search`, for example `--no-early-stop`.
    #[arg(last = true, value_name = "ARGS")]
    search: Vec<String>,
}

/// Sets up, builds and searches.
pub(crate) fn run(args: &Args) -> Result<()> {
    let cache = place::cache()?;
    let data = {
        let _lock = Lock::wait(&cache)?;
        libtorch::ensure(&cache)?;
        dataset::ensure(place::given("PENG4NN_DATA").as_deref(), &cache)?
    };
    run::shown(run::cargo().args([
        "build",
        "--release",
        "--locked",
        "--package=peng4nn",
        "--package=peng-worker",
    ]))?;
    let mut search = run::command(place::target().join("release/peng4nn"));
    search.arg("search");
    if !is_given("--data", &args.search) {
        search.arg("--data").arg(data);
    }
    // A search keeps to the settings that its state was begun with.
    let out = if is_given(TO_THE_END, &args.search) {
        "target/demo-to-the-end"
    } else {
        "target/demo"
    };
    for (flag, value) in DEFAULTS.into_iter().chain([("--out", out)]) {
        if !is_given(flag, &args.search) {
            search.args([flag, value]);
        }
    }
    run::shown(search.args(&args.search))
}

/// Whether `flag` is among the arguments, as `--flag value` or `--flag=value`.
fn is_given(flag: &str, arguments: &[String]) -> bool {
    arguments.iter().any(|argument| {
        argument
            .strip_prefix(flag)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    })
}

#[cfg(test)]
mod tests {
    use super::is_given;

    #[test]
    fn a_flag_is_found_in_both_forms_and_not_by_its_prefix() {
        let given = |argument: &str| is_given("--epochs", &[argument.to_owned()]);
        assert!(given("--epochs"));
        assert!(given("--epochs=3"));
        assert!(!given("--epochs-more"));
        assert!(!given("epochs"));
    }
}
