//! The wire: generated code and the conversions between messages and domain types.
