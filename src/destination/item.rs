//! What goes into a restore, and what comes out of it.

use bytes::Bytes;

use crate::error::Error;

/// Something to write. As `item` in `wit/destination.wit`.
#[derive(Clone, Debug)]
pub struct Item {
    /// Absolute and clean.
    pub path: String,
    /// What it is.
    pub body: ItemBody,
}

/// What an item is.
#[derive(Clone, Debug)]
pub enum ItemBody {
    /// A directory.
    Directory,
    /// A file with all of its bytes.
    File(Bytes),
    /// A file whose bytes did not arrive.
    Broken(Error),
}

/// What became of an item. As `outcome` in `wit/destination.wit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did not exist and does now.
    Created,
    /// It existed with other content.
    Updated,
    /// It existed with this content.
    Unchanged,
    /// It was left as it is, for this reason.
    Skipped(String),
    /// It could not be written.
    Failed(Error),
}

/// What a restore reports. As `write-item` in `wit/destination.wit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteItem {
    /// An item's path, and what became of it.
    Done(String, Outcome),
    /// A remark, and the path it is about.
    Notice(Option<String>, String),
    /// In a dry run: the path of an object that only the server has.
    Extra(String),
}
