//! A connector as a plugin of Plakar 1.1: both of its gRPC services on the two pipes Plakar starts a plugin
//! with. HTTP/2 answers at once; the component is loaded when Plakar first says what it wants (`Init`).
//!
//! What Plakar makes of these calls, and what it does not survive, was measured on the program; where a line
//! looks odd, a comment says what goes wrong without it.

mod exporter;
mod importer;
mod incoming;
mod ledger;
mod pipe;
mod plugin;
pub mod protocol;
mod records;
mod serve;

pub use pipe::Pipes;
pub use plugin::{Plugin, Prepared};
pub use serve::serve;
