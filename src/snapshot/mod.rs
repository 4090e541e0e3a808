//! The parts of a snapshot: entries, the names of its files, and the files that describe a
//! calendar.

pub(crate) mod calendar_json;
pub(crate) mod descriptions;
pub mod digest;
pub(crate) mod entry;
pub mod names;
pub(crate) mod vdir;
