//! The bytes of calendar objects: what a backup reads, and what a restore finds on the server.

pub(crate) mod fetcher;
pub(crate) mod get;
pub(crate) mod index;
pub(crate) mod list;
mod queue;
mod read_ahead;
