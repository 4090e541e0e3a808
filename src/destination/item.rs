//! The items of a restore, and the reports on them.

use bytes::Bytes;

use crate::error::Error;

/// Something to write. As `item` in `wit/destination.wit`.
#[derive(Clone, Debug)]
pub struct Item {
    /// Absolute and clean.
    pub path: String,
    /// Kind of the item, with the bytes of a file.
    pub body: ItemBody,
}

/// Kind of an item.
#[derive(Clone, Debug)]
pub enum ItemBody {
    /// A directory, which has no bytes.
    Directory,
    /// A file with all of its bytes.
    File(Bytes),
    /// A file whose bytes did not arrive.
    Broken(Error),
}

/// Result for an item. As `outcome` in `wit/destination.wit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The item did not exist and does now.
    Created,
    /// The item existed with other content.
    Updated,
    /// The item existed with this content.
    Unchanged,
    /// The item was left out, for this reason.
    Skipped(String),
    /// The item could not be written.
    Failed(Error),
}

/// A report of a restore. As `write-item` in `wit/destination.wit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteItem {
    /// Path of an item, and its result.
    Done(String, Outcome),
    /// Something that people should know, and the path it is about.
    Notice(Option<String>, String),
    /// In a dry run: the path of an object that only the server has.
    Extra(String),
}
