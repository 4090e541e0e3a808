//! `destination.exporter` of `wit/destination.wit`, in terms of [`crate::destination`].

use std::pin::pin;
use std::rc::Rc;

use futures::channel::mpsc;
use futures::future::{Either, join, select};
use futures::{SinkExt, StreamExt};
use wit_bindgen::{FutureReader, StreamReader, StreamResult, spawn_local};

use super::bindings::exports::plakar::connector::destination as wit;
use super::bindings::plakar::connector::types;
use super::bindings::{wit_future, wit_stream};
use super::convert::cancelled;
use super::wasi::Wasi;
use crate::destination as core;
use crate::error::{Error, Kind};
use crate::options::DestinationOptions;

/// One account, opened for writing.
pub(super) struct Exporter(Rc<core::Exporter>);

impl wit::GuestExporter for Exporter {
    fn origins(options: Vec<(String, String)>) -> Result<Vec<String>, types::Error> {
        Ok(DestinationOptions::parse(&options)?.connection.location.origins())
    }

    fn open(options: Vec<(String, String)>) -> Result<wit::Exporter, types::Error> {
        let exporter = core::Exporter::new(Rc::new(Wasi), DestinationOptions::parse(&options)?);
        Ok(wit::Exporter::new(Self(Rc::new(exporter))))
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
        mut items: StreamReader<wit::Item>,
    ) -> (StreamReader<wit::WriteItem>, FutureReader<Result<(), types::Error>>) {
        let (mut reports, reader) = wit_stream::new();
        let (end, outcome) = wit_future::new(|| Err(cancelled()));
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
            let (sender, mut ready) = mpsc::channel::<Vec<core::WriteItem>>(0);
            let forward = async {
                while let Some(more) = ready.next().await {
                    if !reports.write_all(more.into_iter().map(Into::into).collect()).await.is_empty() {
                        // The receiver is gone: the closed channel ends the restore. What is still in
                        // it may not be written: that would be a trap.
                        return ready.close();
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

impl From<wit::Item> for core::Item {
    fn from(item: wit::Item) -> Self {
        let body = match (item.entry.kind, item.body) {
            (types::EntryKind::Directory, _) => core::ItemBody::Directory,
            (types::EntryKind::File, Some(bytes)) => core::ItemBody::File(bytes.into()),
            (types::EntryKind::File, None) => {
                core::ItemBody::Broken(Error::new(Kind::Other, "a file without its bytes"))
            }
        };
        Self { path: item.entry.path, body }
    }
}

impl From<core::WriteItem> for wit::WriteItem {
    fn from(report: core::WriteItem) -> Self {
        match report {
            core::WriteItem::Done(path, outcome) => Self::Done((path, outcome.into())),
            core::WriteItem::Notice(path, message) => Self::Notice(types::Notice { path, message }),
            core::WriteItem::Extra(path) => Self::Extra(path),
        }
    }
}

impl From<core::Outcome> for wit::Outcome {
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
