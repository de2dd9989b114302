//! Parameters given as `key=value` texts.

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapDeserializer;
use serde::de::{Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::Error;

/// The parameters of the policy `name`; those not given have their defaults.
pub(super) fn read<'a, T: Deserialize<'a>>(
    name: &'static str,
    pairs: &[(&'a str, &'a str)],
) -> Result<T, Error> {
    let pairs = pairs.iter().map(|&(key, text)| (key, Text { key, text }));
    T::deserialize(MapDeserializer::new(pairs))
        .map_err(|Wrong(why)| Error::Parameter { policy: name, why })
}

/// A value that is read as what the parameter asks for.
#[derive(Clone, Copy)]
struct Text<'a> {
    key: &'a str,
    text: &'a str,
}

#[derive(Debug)]
struct Wrong(String);

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Wrong {}

impl serde::de::Error for Wrong {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

impl Text<'_> {
    fn parse<T: std::str::FromStr>(self, right: &str) -> Result<T, Wrong> {
        self.text.parse().map_err(|_| self.wrong(right))
    }

    fn wrong(self, right: &str) -> Wrong {
        Wrong::custom(format_args!(
            "{} must be {right}, got `{}`",
            self.key, self.text
        ))
    }
}

impl<'a> IntoDeserializer<'a, Wrong> for Text<'a> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Text<'de> {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_borrowed_str(self.text)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_bool(self.parse("true or false")?)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_u64(self.parse("a whole number")?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_f64(self.parse("a number")?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        if variants.contains(&self.text) {
            visitor.visit_enum(self.text.into_deserializer())
        } else {
            Err(self.wrong(&format!("one of {}", variants.join(", "))))
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u128 f32 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct identifier ignored_any
    }
}
