//! What a job is to those who use it: something to read from, and something to write to.

use futures::channel::mpsc;
use futures::future::BoxFuture;

use crate::bindings::{Content, Error, Identity, Item, ScanItem, WriteItem};

/// The largest file that is restored.
pub const LARGEST: u64 = 256 << 20;

/// What a folder is made equal to: a job's importer, or anything else that lists and reads like one.
pub trait Source: Sync {
    /// What is read.
    fn identity(&self) -> &Identity;
    /// Lists everything; the future tells how it ended, after the last item.
    fn scan(&self) -> (mpsc::Receiver<Vec<ScanItem>>, BoxFuture<'static, Result<(), Error>>);
    /// Reads the files whose paths are sent, until the sender is dropped.
    fn read_all(&self) -> (mpsc::Sender<Vec<String>>, mpsc::Receiver<Vec<Content>>);
    /// Whether the run was asked to stop.
    fn is_cancelled(&self) -> bool;
}

/// What a folder is given to: a job's exporter, or anything else that writes like one.
pub trait Destination: Sync {
    /// Begins to write.
    fn write(&self) -> Writing;
}

/// A write that is going on.
pub struct Writing {
    /// Takes what is to be written; dropping it says that this was all.
    pub items: mpsc::Sender<Vec<Item>>,
    /// What became of it.
    pub reports: mpsc::Receiver<Vec<WriteItem>>,
    /// After the last report: whether every item was dealt with.
    pub end: BoxFuture<'static, Result<(), Error>>,
}
