//! Settings from several places: a file, before it the environment, before that flags.

use std::{ffi::OsString, fs, path::Path};

use anyhow::{Context, anyhow, ensure};
use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// What the names of the environment's variables begin with.
const PREFIX: &str = "PENG4NN_SERVE_";

/// Settings of type `C`, a layer upon the other.
///
/// `C` takes a table with any of its keys missing and refuses keys that it does not
/// know, so every layer is checked by itself and an error names where it comes from.
#[derive(Debug)]
pub(super) struct Layers<C> {
    table: Table,
    _settings: std::marker::PhantomData<C>,
}

impl<C: DeserializeOwned> Layers<C> {
    /// The defaults.
    pub(super) fn new() -> Self {
        Self {
            table: Table::new(),
            _settings: std::marker::PhantomData,
        }
    }

    /// Puts a file's settings over those before.
    pub(super) fn file(&mut self, path: &Path) -> anyhow::Result<()> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read the configuration {}", path.display()))?;
        self.text(&text)
            .with_context(|| format!("the configuration {}", path.display()))
    }

    /// Puts a TOML text's settings over those before.
    pub(super) fn text(&mut self, text: &str) -> anyhow::Result<()> {
        // Read as the settings first: its errors show the place in the text.
        toml::from_str::<C>(text)?;
        merge(&mut self.table, text.parse()?);
        Ok(())
    }

    /// Puts the variables whose names begin with `PENG4NN_SERVE_` over those before:
    /// `PENG4NN_SERVE_LIMITS__COMMIT_SIZE` is `limits.commit_size`.
    pub(super) fn environment(
        &mut self,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> anyhow::Result<()> {
        for (name, value) in variables {
            let Some(key) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else {
                continue;
            };
            let key = key.to_ascii_lowercase().replace("__", ".");
            let name = name.display();
            let value = value
                .to_str()
                .ok_or_else(|| anyhow!("the environment's {name} is not UTF-8"))?;
            self.set(&key, value)
                .with_context(|| format!("the environment's {name}"))?;
        }
        Ok(())
    }

    /// Puts one setting over those before. The value is written as in TOML; a text may
    /// do without its quotes.
    pub(super) fn set(&mut self, key: &str, value: &str) -> anyhow::Result<()> {
        let named = |error: toml::de::Error| anyhow!("`{key}`: {}", error.message().trim());
        let of = |value: Value| {
            let layer = nested(key, value)?;
            layer.clone().try_into::<C>().map_err(named)?;
            Ok::<_, anyhow::Error>(layer)
        };
        let text = Value::String(value.to_owned());
        let layer = match format!("v = {value}").parse::<Table>() {
            Ok(mut table) => match table.remove("v").map(of) {
                Some(Ok(layer)) => layer,
                Some(Err(error)) => of(text).map_err(|_| error)?,
                None => of(text)?,
            },
            Err(_) => of(text)?,
        };
        merge(&mut self.table, layer);
        Ok(())
    }

    /// The settings.
    pub(super) fn settings(self) -> anyhow::Result<C> {
        Ok(self.table.try_into()?)
    }
}

/// `a.b` and a value as `{ a = { b = value } }`.
fn nested(key: &str, value: Value) -> anyhow::Result<Table> {
    let mut value = value;
    for part in key.rsplit('.') {
        ensure!(
            !part.is_empty(),
            "`{key}` is no key; one like `limits.commit_size` would be right"
        );
        value = Value::Table(Table::from_iter([(part.to_owned(), value)]));
    }
    match value {
        Value::Table(table) => Ok(table),
        _ => Ok(Table::new()),
    }
}

fn merge(under: &mut Table, over: Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Table(under)), Value::Table(over)) => merge(under, over),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}
