//! A source and a destination in memory, for tests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use connector_host::JobError;
use connector_host::api::{Destination, ReadSession, ScanStream, Source, WriteSession, batches};
use connector_host::types::{
    Content, Entry, EntryKind, Error, Failure, Identity, Item, Outcome, ScanItem, WriteItem,
};

/// A source that lists and reads what it is told to.
pub(crate) struct FakeSource {
    identity: Identity,
    listing: Vec<ScanItem>,
    pub(crate) end: Result<(), JobError>,
    pub(crate) bodies: BTreeMap<String, Result<Vec<u8>, Error>>,
    /// Paths that were read.
    pub(crate) read: Arc<Mutex<Vec<String>>>,
}

impl FakeSource {
    pub(crate) fn new() -> Self {
        let identity = Identity { kind: "fake".to_owned(), origin: "alice".to_owned(), root: "/".to_owned() };
        let (listing, bodies) = (Vec::new(), BTreeMap::new());
        Self { identity, listing, end: Ok(()), bodies, read: Arc::default() }
    }

    /// Lists a directory.
    pub(crate) fn directory(self, path: &str) -> Self {
        self.entry(path, EntryKind::Directory, None)
    }

    /// Lists a file; its body is the version.
    pub(crate) fn file(mut self, path: &str, version: &str) -> Self {
        self.bodies.insert(path.to_owned(), Ok(version.as_bytes().to_vec()));
        self.entry(path, EntryKind::File, Some(version.to_owned()))
    }

    /// Lists a file that cannot be read.
    pub(crate) fn unreadable(mut self, path: &str, error: Error) -> Self {
        self = self.file(path, "1");
        self.bodies.insert(path.to_owned(), Err(error));
        self
    }

    /// Lists a path of which nothing is known.
    pub(crate) fn unknown(mut self, path: &str) -> Self {
        let error = Error::Other("unknown".to_owned());
        self.listing.push(ScanItem::Failed(Failure { path: path.to_owned(), error }));
        self
    }

    /// Returns the paths that were read since the last call, sorted.
    pub(crate) fn take_read(&self) -> Vec<String> {
        let mut read = std::mem::take(&mut *self.read.lock().unwrap());
        read.sort();
        read
    }

    fn entry(mut self, path: &str, kind: EntryKind, version: Option<String>) -> Self {
        let entry = Entry { path: path.to_owned(), kind, size: None, modified: None, version };
        self.listing.push(ScanItem::Entry(entry));
        self
    }
}

impl Source for FakeSource {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn scan(&self) -> ScanStream {
        let (mut items, listing) = batches();
        items.send_now(self.listing.clone()).unwrap();
        ScanStream::new(listing, std::future::ready(self.end.clone()))
    }

    fn read_all(&self) -> ReadSession {
        let (paths, mut wanted) = batches::<String>();
        let (mut contents, answers) = batches();
        let (bodies, read) = (self.bodies.clone(), Arc::clone(&self.read));
        tokio::spawn(async move {
            while let Some(paths) = wanted.next().await {
                read.lock().unwrap().extend_from_slice(&paths);
                let content = |path: String| Content { body: bodies[&path].clone(), path };
                contents.send(paths.into_iter().map(content).collect()).await.ok();
            }
        });
        ReadSession::new(paths, answers, async { JobError::Cancelled })
    }

    fn is_cancelled(&self) -> bool {
        false
    }
}

/// A destination that reports what it is told to: nothing about paths it does not know.
pub(crate) struct FakeDestination {
    pub(crate) outcomes: BTreeMap<String, Outcome>,
    pub(crate) end: Result<(), JobError>,
    /// Items that were sent.
    pub(crate) written: Arc<Mutex<Vec<Item>>>,
}

impl FakeDestination {
    pub(crate) fn new(outcomes: &[(&str, Outcome)]) -> Self {
        let outcomes = outcomes.iter().map(|(path, outcome)| ((*path).to_owned(), outcome.clone())).collect();
        Self { outcomes, end: Ok(()), written: Arc::default() }
    }

    /// Returns the paths of the items that were sent, in order.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.written.lock().unwrap().iter().map(|item| item.entry.path.clone()).collect()
    }
}

impl Destination for FakeDestination {
    fn write(&self) -> WriteSession {
        let (items, mut wanted) = batches::<Item>();
        let (mut out, reports) = batches();
        let (outcomes, written) = (self.outcomes.clone(), Arc::clone(&self.written));
        tokio::spawn(async move {
            while let Some(items) = wanted.next().await {
                let outcome = |item: &Item| {
                    let path = &item.entry.path;
                    outcomes.get(path).map(|outcome| WriteItem::Done((path.clone(), outcome.clone())))
                };
                out.send(items.iter().filter_map(outcome).collect()).await.ok();
                written.lock().unwrap().extend(items);
            }
        });
        WriteSession::new(items, reports, std::future::ready(self.end.clone()))
    }
}
