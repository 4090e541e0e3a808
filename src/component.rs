//! The component: what `wit/` promises, told in terms of the core.

use std::pin::pin;
use std::rc::Rc;

use futures::channel::mpsc;
use futures::future::{Either, join, pending, select};
use futures::{FutureExt, SinkExt, StreamExt};
use wit_bindgen::{FutureReader, StreamReader, StreamResult, spawn_local};

use crate::destination as core;
use crate::error::{Error, Kind};
use crate::options::Options;
use crate::source;
use crate::wasi::Wasi;

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
        crate::command::run(Rc::new(Wasi)).await
    }
}

impl source_wit::Guest for Component {
    type Importer = Importer;
}

impl destination::Guest for Component {
    type Exporter = Exporter;
}

/// `source.importer`.
struct Importer(Rc<source::Importer>);

impl source_wit::GuestImporter for Importer {
    fn origins(options: Vec<(String, String)>) -> Result<Vec<String>, types::Error> {
        Ok(Options::parse(&options)?.location.origins())
    }

    fn open(options: Vec<(String, String)>) -> Result<source_wit::Importer, types::Error> {
        let importer = source::Importer::new(Rc::new(Wasi), Options::parse(&options)?);
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
                        // Nobody listens: the scan learns it from the closed channel.
                        found.close();
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

/// `destination.exporter`.
struct Exporter(Rc<core::Exporter>);

impl destination::GuestExporter for Exporter {
    fn origins(options: Vec<(String, String)>) -> Result<Vec<String>, types::Error> {
        Ok(Options::parse_to_restore(&options)?.location.origins())
    }

    fn open(options: Vec<(String, String)>) -> Result<destination::Exporter, types::Error> {
        let exporter = core::Exporter::new(Rc::new(Wasi), Options::parse_to_restore(&options)?);
        Ok(destination::Exporter::new(Self(Rc::new(exporter))))
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

    async fn write(
        &self,
        mut items: StreamReader<destination::Item>,
    ) -> (StreamReader<destination::WriteItem>, FutureReader<Result<(), types::Error>>) {
        let (mut reports, reader) = bindings::wit_stream::new();
        let (end, outcome) = bindings::wit_future::new(|| Err(cancelled()));
        let exporter = Rc::clone(&self.0);
        spawn_local(async move {
            let (mut sender, wanted) = mpsc::channel(0);
            let take = async move {
                loop {
                    let (result, more) = items.read(Vec::with_capacity(ITEMS)).await;
                    let more: Vec<core::Item> = more.into_iter().map(Into::into).collect();
                    if sender.send(more).await.is_err() || !matches!(result, StreamResult::Complete(_)) {
                        return;
                    }
                }
            };
            let (sender, mut ready) = mpsc::channel::<Vec<core::Report>>(0);
            let forward = async {
                while let Some(more) = ready.next().await {
                    if !reports.write_all(more.into_iter().map(Into::into).collect()).await.is_empty() {
                        // Nobody listens: the restore learns it from the closed channel.
                        ready.close();
                    }
                }
            };
            // The host may have more to send than the restore wants to hear, once it has failed.
            let writing = async {
                match select(pin!(exporter.write(wanted, sender)), pin!(take)).await {
                    Either::Left((result, _)) => result,
                    Either::Right(((), writing)) => writing.await,
                }
            };
            let (result, ()) = join(writing, forward).await;
            drop(reports);
            // A host that has dropped the future does not want to know.
            let _ = end.write(result.map_err(Into::into)).await;
        });
        (reader, outcome)
    }

    fn changed_options(&self) -> Vec<(String, String)> {
        Vec::new()
    }
}

/// Items that are taken from the host at once.
const ITEMS: usize = 16;

impl From<destination::Item> for core::Item {
    fn from(item: destination::Item) -> Self {
        let content = match (item.entry.kind, item.body) {
            (types::EntryKind::Directory, _) => core::Content::Directory,
            (types::EntryKind::File, Some(bytes)) => core::Content::File(bytes.into()),
            (types::EntryKind::File, None) => {
                core::Content::Broken(Error::new(Kind::Other, "a file without its bytes."))
            }
        };
        Self { path: item.entry.path, content }
    }
}

impl From<core::Report> for destination::WriteItem {
    fn from(report: core::Report) -> Self {
        match report {
            core::Report::Done(path, outcome) => Self::Done((path, outcome.into())),
            core::Report::Notice(path, message) => Self::Notice(types::Notice { path, message }),
        }
    }
}

impl From<core::Outcome> for destination::Outcome {
    fn from(outcome: core::Outcome) -> Self {
        match outcome {
            core::Outcome::Created => Self::Created,
            core::Outcome::Updated => Self::Updated,
            core::Outcome::Unchanged => Self::Unchanged,
            core::Outcome::Skipped(why) => Self::Skipped(why),
            core::Outcome::Failed(error) => Self::Failed(error.into()),
        }
    }
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

impl From<source::Identity> for types::Identity {
    fn from(identity: source::Identity) -> Self {
        Self { kind: identity.kind.to_owned(), origin: identity.origin, root: identity.root.to_owned() }
    }
}

impl From<source::Finding> for types::Finding {
    fn from(finding: source::Finding) -> Self {
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
