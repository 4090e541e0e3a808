//! The objects of a calendar: listing them, and fetching their bytes. For both directions: a backup reads
//! them, and a restore compares with them.

pub(crate) mod fetcher;
pub(crate) mod get;
pub(crate) mod index;
pub(crate) mod list;
pub(crate) mod listing;
pub(crate) mod multiget;
mod queue;
mod read_ahead;
