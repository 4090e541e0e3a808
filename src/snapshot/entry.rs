//! An entry of a snapshot.

use std::time::Duration;

/// A file or a directory of a snapshot, without its bytes. As `entry` in `wit/types.wit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Absolute and clean.
    pub path: String,
    /// Whether it is a directory.
    pub is_directory: bool,
    /// The size in bytes, if that is certain.
    pub size: Option<u64>,
    /// The time of the last change, since 1970.
    pub modified: Option<Duration>,
    /// Equal versions promise equal bytes.
    pub version: Option<String>,
}

impl Entry {
    /// Returns the entry of a directory.
    pub(crate) fn directory(path: &str) -> Self {
        Self { path: path.to_owned(), is_directory: true, size: None, modified: None, version: None }
    }
}
