//! `source.importer` of `wit/source.wit`, in terms of [`crate::source`].

use std::pin::pin;
use std::rc::Rc;

use futures::channel::mpsc;
use futures::future::{join, pending, select};
use futures::{FutureExt, SinkExt, StreamExt};
use wit_bindgen::{FutureReader, StreamReader, StreamResult, spawn_local};

use super::bindings::exports::plakar::connector::source as wit;
use super::bindings::plakar::connector::types;
use super::bindings::{wit_future, wit_stream};
use super::convert::cancelled;
use super::wasi::Wasi;
use crate::options::SourceOptions;
use crate::source as core;

/// Paths that are taken from the host at once.
const PATHS: usize = 256;

/// One account, opened for reading.
pub(super) struct Importer(Rc<core::Importer>);

impl wit::GuestImporter for Importer {
    fn origins(options: Vec<(String, String)>) -> Result<Vec<String>, types::Error> {
        Ok(SourceOptions::parse(&options)?.connection.location.origins())
    }

    fn open(options: Vec<(String, String)>) -> Result<wit::Importer, types::Error> {
        let importer = core::Importer::new(Rc::new(Wasi), SourceOptions::parse(&options)?);
        Ok(wit::Importer::new(Self(Rc::new(importer))))
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

    async fn scan(&self) -> (StreamReader<wit::ScanItem>, FutureReader<Result<(), types::Error>>) {
        let (mut items, reader) = wit_stream::new();
        let (end, outcome) = wit_future::new(|| Err(cancelled()));
        let importer = Rc::clone(&self.0);
        spawn_local(async move {
            let (sender, mut found) = mpsc::channel::<Vec<core::ScanItem>>(0);
            let forward = async {
                while let Some(more) = found.next().await {
                    if !items.write_all(more.into_iter().map(Into::into).collect()).await.is_empty() {
                        // The receiver is gone: the closed channel ends the scan. What is still in it
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
        let (mut body, reader) = wit_stream::new();
        let (end, outcome) = wit_future::new(|| Err(cancelled()));
        spawn_local(async move {
            body.write_all(Vec::from(bytes)).await;
            drop(body);
            let _ = end.write(Ok(())).await;
        });
        Ok((reader, outcome))
    }

    async fn read_all(&self, mut paths: StreamReader<String>) -> StreamReader<wit::Content> {
        let (mut contents, reader) = wit_stream::new();
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
            let (sender, mut ready) = mpsc::channel::<Vec<core::Content>>(0);
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

fn content((path, body): core::Content) -> wit::Content {
    wit::Content { path, body: body.map(Vec::from).map_err(Into::into) }
}

impl From<core::ScanItem> for wit::ScanItem {
    fn from(item: core::ScanItem) -> Self {
        match item {
            core::ScanItem::Entry(entry) => Self::Entry(entry.into()),
            core::ScanItem::Notice(path, message) => Self::Notice(types::Notice { path, message }),
            core::ScanItem::Failed(path, error) => Self::Failed(types::Failure { path, error: error.into() }),
            core::ScanItem::Omitted(path, message) => Self::Omitted(types::Omission { path, message }),
        }
    }
}
