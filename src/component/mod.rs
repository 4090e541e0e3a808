//! The component: what `wit/` promises, told in terms of the core.

mod cli;
#[cfg(feature = "restore")]
mod exporter;
#[cfg(not(feature = "restore"))]
mod read_only;
mod wasi;

use std::pin::pin;
use std::rc::Rc;

use futures::channel::mpsc;
use futures::future::{join, pending, select};
use futures::{FutureExt, SinkExt, StreamExt};
use wit_bindgen::{FutureReader, StreamReader, StreamResult, spawn_local};

use crate::account::{Finding, Identity};
use crate::error::{Error, Kind};
use crate::options::SourceOptions;
use crate::source;
use wasi::Wasi;

#[allow(
    missing_docs,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub
)]
mod bindings {
    wit_bindgen::generate!({ path: "wit", world: "connector", pub_export_macro: true });
}

use bindings::exports::plakar::connector::{destination, source as source_wit};
use bindings::plakar::connector::types;

struct Component;

bindings::export!(Component with_types_in bindings);
wasip3::cli::command::export!(Component);

impl wasip3::exports::cli::run::Guest for Component {
    async fn run() -> Result<(), ()> {
        cli::run(Rc::new(Wasi)).await
    }
}

impl source_wit::Guest for Component {
    type Importer = Importer;
}

impl destination::Guest for Component {
    #[cfg(feature = "restore")]
    type Exporter = exporter::Exporter;
    #[cfg(not(feature = "restore"))]
    type Exporter = read_only::Exporter;
}

/// `source.importer`.
struct Importer(Rc<source::Importer>);

impl source_wit::GuestImporter for Importer {
    fn origins(options: Vec<(String, String)>) -> Result<Vec<String>, types::Error> {
        Ok(SourceOptions::parse(&options)?.connection.location.origins())
    }

    fn open(options: Vec<(String, String)>) -> Result<source_wit::Importer, types::Error> {
        let importer = source::Importer::new(Rc::new(Wasi), SourceOptions::parse(&options)?);
        Ok(source_wit::Importer::new(Self(Rc::new(importer))))
    }

    fn identity(&self) -> types::Identity {
        self.0.identity().into()
    }

    async fn ping(&self) -> Result<(), types::Error> {
        Ok(self.0.ping().await?)
    }

    async fn check(&self) -> Result<Vec<types::Finding>, types::Error> {
        Ok(self.0.check().await?.into_iter().map(Into::into).collect())
    }

    async fn scan(&self) -> (StreamReader<source_wit::ScanItem>, FutureReader<Result<(), types::Error>>) {
        let (mut items, reader) = bindings::wit_stream::new();
        let (end, outcome) = bindings::wit_future::new(|| Err(cancelled()));
        let importer = Rc::clone(&self.0);
        spawn_local(async move {
            let (sender, mut found) = mpsc::channel::<Vec<source::ScanItem>>(0);
            let forward = async {
                while let Some(more) = found.next().await {
                    if !items.write_all(more.into_iter().map(Into::into).collect()).await.is_empty() {
                        // Nobody listens: the scan learns it from the closed channel. What is still in it
                        // may not be written: that would be a trap.
                        return found.close();
                    }
                }
            };
            let (result, ()) = join(importer.scan(sender), forward).await;
            drop(items);
            // A host that has dropped the future does not want to know.
            let _ = end.write(result.map_err(Into::into)).await;
        });
        (reader, outcome)
    }

    async fn read(
        &self,
        path: String,
    ) -> Result<(StreamReader<u8>, FutureReader<Result<(), types::Error>>), types::Error> {
        let bytes = self.0.read(&path).await?;
        let (mut body, reader) = bindings::wit_stream::new();
        let (end, outcome) = bindings::wit_future::new(|| Err(cancelled()));
        spawn_local(async move {
            body.write_all(Vec::from(bytes)).await;
            drop(body);
            let _ = end.write(Ok(())).await;
        });
        Ok((reader, outcome))
    }

    async fn read_all(&self, mut paths: StreamReader<String>) -> StreamReader<source_wit::Content> {
        let (mut contents, reader) = bindings::wit_stream::new();
        let importer = Rc::clone(&self.0);
        spawn_local(async move {
            let (mut sender, wanted) = mpsc::channel(0);
            let ask = async move {
                loop {
                    let (result, more) = paths.read(Vec::with_capacity(PATHS)).await;
                    if sender.send(more).await.is_err() || !matches!(result, StreamResult::Complete(_)) {
                        return;
                    }
                }
            };
            let (sender, mut ready) = mpsc::channel::<Vec<source::Content>>(0);
            let forward = async {
                while let Some(ready) = ready.next().await {
                    if !contents.write_all(ready.into_iter().map(content).collect()).await.is_empty() {
                        return;
                    }
                }
            };
            // The bodies end when the paths do; when nobody takes them, the rest is dropped.
            let reading = join(importer.read_all(wanted, sender), ask);
            select(pin!(forward), pin!(reading.then(|_| pending::<()>()))).await;
        });
        reader
    }

    fn changed_options(&self) -> Vec<(String, String)> {
        Vec::new()
    }
}

/// Paths that are taken from the host at once.
const PATHS: usize = 256;

fn content((path, body): source::Content) -> source_wit::Content {
    source_wit::Content { path, body: body.map(Vec::from).map_err(Into::into) }
}

fn cancelled() -> types::Error {
    types::Error::Cancelled("Cancelled.".to_owned())
}

impl From<Error> for types::Error {
    fn from(error: Error) -> Self {
        let text = error.message().to_owned();
        match error.kind {
            Kind::InvalidOptions => Self::InvalidOptions(text),
            Kind::SignInRefused => Self::SignInRefused(text),
            Kind::Forbidden => Self::Forbidden(text),
            Kind::NotFound => Self::NotFound(text),
            Kind::RateLimited => Self::RateLimited(text),
            Kind::QuotaExceeded => Self::QuotaExceeded(text),
            Kind::ReadOnly => Self::ReadOnly(text),
            Kind::TooLarge => Self::TooLarge(text),
            Kind::Conflict => Self::Conflict(text),
            Kind::Unsupported => Self::Unsupported(text),
            Kind::Unreachable => Self::Unreachable(text),
            Kind::Tls => Self::Tls(text),
            Kind::Denied => Self::Denied(text),
            Kind::Protocol => Self::Protocol(text),
            Kind::Cancelled => Self::Cancelled(text),
            Kind::Other => Self::Other(text),
        }
    }
}

impl From<Identity> for types::Identity {
    fn from(identity: Identity) -> Self {
        Self { kind: identity.kind.to_owned(), origin: identity.origin, root: identity.root.to_owned() }
    }
}

impl From<Finding> for types::Finding {
    fn from(finding: Finding) -> Self {
        Self { topic: finding.topic.to_owned(), text: finding.text, good: finding.good }
    }
}

impl From<source::ScanItem> for source_wit::ScanItem {
    fn from(item: source::ScanItem) -> Self {
        match item {
            source::ScanItem::Entry(entry) => Self::Entry(entry.into()),
            source::ScanItem::Notice(path, message) => Self::Notice(types::Notice { path, message }),
            source::ScanItem::Failed(path, error) => {
                Self::Failed(types::Failure { path, error: error.into() })
            }
            source::ScanItem::Omitted(path, message) => Self::Omitted(types::Omission { path, message }),
        }
    }
}

impl From<source::Entry> for types::Entry {
    fn from(entry: source::Entry) -> Self {
        let modified = entry.modified.map(|since| types::Datetime {
            seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            nanoseconds: since.subsec_nanos(),
        });
        let kind = if entry.is_directory { types::EntryKind::Directory } else { types::EntryKind::File };
        Self { path: entry.path, kind, size: entry.size, modified, version: entry.version }
    }
}
