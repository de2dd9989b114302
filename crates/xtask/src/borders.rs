//! Which crate may not depend on what, even through others (see ARCHITECTURE.md).

use anyhow::{Result, bail};

use crate::run;

const BORDERS: [(&str, &[&str]); 13] = [
    ("peng-predict", &["tokio", "tonic", "prost", "sqlx", "tch"]),
    ("peng-search", &["tokio", "tonic", "prost", "sqlx", "tch"]),
    ("peng-curves", &["tokio", "tonic", "prost", "sqlx", "tch"]),
    ("peng-proto", &["tch", "sqlx"]),
    ("peng-store", &["tonic", "tch"]),
    ("peng-client", &["sqlx", "tch"]),
    ("peng-server", &["tch"]),
    ("peng-telemetry", &["sqlx", "tch"]),
    ("peng-orchestrator", &["tch"]),
    ("peng-nets", &["tonic", "sqlx"]),
    ("peng-worker", &["sqlx"]),
    ("peng4nn", &["tch"]),
    ("xtask", &["tokio", "tch"]),
];

/// Checks every crate's dependency tree.
pub(crate) fn check() -> Result<()> {
    let mut breaches = Vec::new();
    for (package, forbidden) in BORDERS {
        let tree = run::captured(run::cargo().args([
            "tree",
            "--locked",
            "--edges=normal",
            "--prefix=none",
            "--format={p}",
            "--package",
            package,
        ]))?;
        let used = names(&tree);
        breaches.extend(
            forbidden
                .iter()
                .filter(|name| used.contains(name))
                .map(|name| format!("{package} depends on {name}")),
        );
    }
    if !breaches.is_empty() {
        bail!("{}", breaches.join("; "));
    }
    println!("{} crates keep their borders", BORDERS.len());
    Ok(())
}

/// The package names in lines like `tokio v1.54.0 (*)`.
fn names(tree: &str) -> Vec<&str> {
    tree.lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn names_are_read_whole() {
        assert_eq!(names("a-b v1.0.0 (/x)\n\nc v2.0.0 (*)\n"), ["a-b", "c"]);
    }
}
