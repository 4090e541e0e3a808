//! The options, as strings from outside, parsed into types. Every mistake is reported at once.

mod connection;
mod destination;
pub mod location;
mod parser;
pub mod providers;
#[cfg(test)]
pub(crate) mod sample;
mod session;
mod source;
pub mod table;

pub use connection::ConnectionOptions;
pub use destination::{Conflict, DestinationOptions, Verify};
pub use source::{Fetch, Filter, SourceOptions};
