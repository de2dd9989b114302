//! A place to listen that is on this machine unless it is said otherwise.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A port of 127.0.0.1, or an address with a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place(pub(crate) SocketAddr);

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(port) = text.parse::<u16>() {
            return Ok(Self((Ipv4Addr::LOCALHOST, port).into()));
        }
        text.parse().map(Self).map_err(|_| {
            format!("`{text}` is neither a port like 50051 nor an address like 127.0.0.1:50051")
        })
    }
}

/// As a [`Place`], for a flag that takes an address.
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map(|Place(address)| address)
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Place;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a port like 9464 or an address like \"127.0.0.1:9464\"")
            }

            fn visit_i64<E: de::Error>(self, port: i64) -> Result<Place, E> {
                self.visit_str(&port.to_string())
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Place, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_on_this_machine() {
        for (text, address) in [
            ("9464", "127.0.0.1:9464"),
            ("0.0.0.0:1", "0.0.0.0:1"),
            ("[::1]:2", "[::1]:2"),
        ] {
            assert_eq!(text.parse::<Place>().unwrap().0.to_string(), address);
        }
        for wrong in ["", "65536", "-1", "localhost"] {
            assert!(
                wrong.parse::<Place>().unwrap_err().contains("50051"),
                "{wrong}"
            );
        }
    }
}
