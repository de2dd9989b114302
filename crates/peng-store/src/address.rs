//! Where a store is.

use std::{fmt, path::PathBuf, str::FromStr, sync::Arc};

use sqlx::postgres::PgConnectOptions;
use tracing::warn;

use crate::{Error, Patience, Postgres, Searches, Sqlite, Trials};

/// Both stores in one.
pub trait Store: Trials + Searches {}

impl<T: Trials + Searches> Store for T {}

/// Where a store is.
#[derive(Clone)]
pub enum Address {
    /// A folder with one SQLite file, of one server.
    Folder(PathBuf),
    /// A PostgreSQL database, of any number of servers.
    Postgres {
        /// Its address, as [`Postgres::open`] takes it.
        address: String,
        /// Without a password.
        shown: String,
    },
}

impl fmt::Debug for Address {
    /// Without what may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Address {
    /// Without a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "sqlite:{}", folder.display()),
            Self::Postgres { shown, .. } => f.write_str(shown),
        }
    }
}

impl FromStr for Address {
    type Err = Error;

    /// `postgres://..` (or `postgresql://..`) with the parameters of a libpq
    /// address, or `sqlite:FOLDER`. A bare word is none: it would be a folder to some, and
    /// libpq's own `host=.. dbname=..` to others.
    fn from_str(text: &str) -> Result<Self, Error> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            let address = with_known_parameters(text);
            let options = address.parse();
            let options = options.map_err(|source: sqlx::Error| Error::Address {
                address: "postgres://..".to_owned(),
                source: Some(source.into()),
            })?;
            let shown = without_password(&options);
            return Ok(Self::Postgres { address, shown });
        }
        let folder = text.strip_prefix("sqlite:");
        let folder = folder.map(|folder| folder.strip_prefix("//").unwrap_or(folder));
        match folder {
            Some(folder) if !folder.is_empty() => Ok(Self::Folder(folder.into())),
            // What comes later may be a password.
            _ => Err(Error::Address {
                address: match text.find(|c: char| !c.is_alphanumeric()) {
                    Some(end) => format!("{}..", &text[..end]),
                    None => text.to_owned(),
                },
                source: None,
            }),
        }
    }
}

/// The parameters of an address that sqlx reads; libpq knows more.
const PARAMETERS: [&str; 18] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
];

/// The address without other parameters. sqlx would pass them over, too, and log their values,
/// one of which may be a password.
fn with_known_parameters(address: &str) -> String {
    let Some((place, parameters)) = address.split_once('?') else {
        return address.to_owned();
    };
    let is_known = |parameter: &&str| {
        let key = parameter.split_once('=').map_or(*parameter, |(key, _)| key);
        let known = key.starts_with("options[")
            || key.starts_with("options%5B")
            || PARAMETERS.contains(&key);
        if !known {
            warn!(parameter = key, "not known in the address of a database");
        }
        known
    };
    let known: Vec<_> = parameters.split('&').filter(is_known).collect();
    format!("{place}?{}", known.join("&"))
}

fn without_password(options: &PgConnectOptions) -> String {
    let (host, port) = (options.get_host(), options.get_port());
    let database = options.get_database().unwrap_or_default();
    format!("postgres://{host}:{port}/{database}")
}

/// Opens the store at an address, making or migrating its tables.
pub async fn open(address: &Address) -> Result<Arc<dyn Store>, Error> {
    Ok(match address {
        Address::Folder(folder) => Arc::new(Sqlite::open(folder).await?),
        Address::Postgres { address, .. } => {
            Arc::new(Postgres::open(address, Patience::default()).await?)
        }
    })
}

/// Opens the log at an address to read it, beside servers that write to it. Writes
/// fail.
pub async fn open_to_read(address: &Address) -> Result<Arc<dyn Store>, Error> {
    Ok(match address {
        Address::Folder(folder) => Arc::new(Sqlite::open_to_read(folder).await?),
        Address::Postgres { address, .. } => Arc::new(Postgres::open_to_read(address).await?),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn addresses_are_told_apart() {
        for (text, shown) in [
            ("sqlite:peng4nn-data", "sqlite:peng4nn-data"),
            ("sqlite:/var/lib/peng4nn", "sqlite:/var/lib/peng4nn"),
            ("sqlite:///var/lib/peng4nn", "sqlite:/var/lib/peng4nn"),
            ("postgres://me:secret@db/nas", "postgres://db:5432/nas"),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(format!("{address:?}"), shown);
        }
    }

    #[test]
    fn a_parameter_that_is_not_known_is_left_out() {
        let address = |parameters| format!("postgres://me@db/nas{parameters}");
        for (given, read) in [
            ("", ""),
            ("?sslmode=require&host=/tmp", "?sslmode=require&host=/tmp"),
            ("?sslpassword=secret&port=5433", "?port=5433"),
            (
                "?options[lock_timeout]=9&password",
                "?options[lock_timeout]=9&password",
            ),
            ("?secret", "?"),
        ] {
            assert_eq!(with_known_parameters(&address(given)), address(read));
        }
    }

    #[test]
    fn what_is_no_store_is_told_so_without_a_password() {
        for text in [
            "",
            "sqlite:",
            "nas",
            "host=db dbname=nas password=secret",
            "mysql://me:secret@db/nas",
            "postgres://me:secret@db:port/nas",
        ] {
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert!(error.contains("would be right"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
