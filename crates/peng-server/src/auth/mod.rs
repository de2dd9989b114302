//! Who may do what: tokens with scopes, the right that each call needs, and the
//! record of those who were turned away.

mod access;
mod caller;
mod entry;
mod rights;
mod scope;
mod token;
mod tokens;

pub(crate) use access::Access;
pub(crate) use caller::Caller;
pub use entry::{Entry, NotAnEntry};
pub(crate) use rights::Rpc;
pub use scope::{NotAScope, Right, Scope};
pub use token::{Digest, NotADigest, Token};
pub use tokens::Error;
pub(crate) use tokens::Tokens;
