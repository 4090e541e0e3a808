//! The service that Plakar backs up from.

use bytes::Bytes;
use connector_host::Importer;
use connector_host::api::{FileStream, Source};
use connector_host::types::ScanItem;
use futures::channel::{mpsc, oneshot};
use futures::stream::{self, BoxStream};
use futures::{SinkExt, StreamExt};
use tonic::{Request, Response, Status, Streaming};

use crate::plugin::{FLAGS, Opened, Plugin};
use crate::protocol::importer::importer_server::Importer as Calls;
use crate::protocol::importer::{
    CloseRequest, CloseResponse, ImportRequest, ImportResponse, InitRequest, InitResponse, OpenRequest,
    OpenResponse, PingRequest, PingResponse,
};
use crate::records::{of_entry, of_failure, sentence, status};

/// Bytes of one chunk. Plakar takes at most 4 MiB in one message.
const CHUNK: usize = 1 << 20;
/// Records that wait to be sent.
const WAITING: usize = 64;

pub(super) struct Service {
    plugin: Plugin,
    opened: Opened<Importer>,
}

impl Service {
    pub(super) fn new(plugin: Plugin) -> Self {
        Self { plugin, opened: Opened::new() }
    }
}

#[tonic::async_trait]
impl Calls for Service {
    type ImportStream = BoxStream<'static, Result<ImportResponse, Status>>;
    type OpenStream = BoxStream<'static, Result<OpenResponse, Status>>;

    async fn init(&self, request: Request<InitRequest>) -> Result<Response<InitResponse>, Status> {
        let (connector, config, options) = self.plugin.prepare(request.into_inner().config).await?;
        let importer = Importer::open(&connector, options, config).await;
        let importer = importer.map_err(|error| self.plugin.not_opened(&error))?;
        let identity = importer.identity();
        let answer = InitResponse {
            origin: sentence(&identity.origin),
            r#type: identity.kind.clone(),
            root: identity.root.clone(),
            flags: FLAGS,
        };
        self.opened.set(Some(importer));
        Ok(Response::new(answer))
    }

    async fn ping(&self, _: Request<PingRequest>) -> Result<Response<PingResponse>, Status> {
        self.opened.get()?.ping().await.map_err(|error| status(&error))?;
        Ok(Response::new(PingResponse {}))
    }

    async fn import(
        &self,
        request: Request<Streaming<ImportRequest>>,
    ) -> Result<Response<Self::ImportStream>, Status> {
        let importer = self.opened.get()?;
        let acknowledged = drain(request.into_inner());
        let (out, records) = mpsc::channel(WAITING);
        tokio::spawn(list(importer, self.plugin.remark, acknowledged, out));
        Ok(Response::new(records.boxed()))
    }

    async fn open(&self, request: Request<OpenRequest>) -> Result<Response<Self::OpenStream>, Status> {
        let importer = self.opened.get()?;
        let record = request.into_inner().record.unwrap_or_default();
        if record.is_xattr {
            return Err(Status::not_found(format!("{}: has no extended attributes", record.pathname)));
        }
        let body = importer.read(&record.pathname).await.map_err(|error| status(&error))?;
        Ok(Response::new(chunks(body)))
    }

    async fn close(&self, _: Request<CloseRequest>) -> Result<Response<CloseResponse>, Status> {
        self.opened.set(None);
        Ok(Response::new(CloseResponse {}))
    }
}

/// Takes acknowledgements until Plakar has no more. On a task of its own: where nobody takes them, Plakar stops
/// after some two thousand records, for ever.
fn drain(mut acknowledgements: Streaming<ImportRequest>) -> oneshot::Receiver<()> {
    let (done, ended) = oneshot::channel();
    tokio::spawn(async move {
        while let Some(Ok(_)) = acknowledgements.next().await {}
        done.send(()).ok();
    });
    ended
}

/// Sends the records of a scan, until nobody takes them any more.
async fn list(
    importer: Importer,
    remark: fn(&str),
    acknowledged: oneshot::Receiver<()>,
    mut out: mpsc::Sender<Result<ImportResponse, Status>>,
) {
    let mut scan = importer.scan();
    while let Some(items) = scan.next().await {
        for item in items {
            let answer = match item {
                ScanItem::Entry(entry) => Ok(of_entry(entry)),
                // Plakar counts no failure of the root: it would be a good snapshot of nothing.
                ScanItem::Failed(failure) if failure.path == "/" => Err(status(&failure.error.into())),
                ScanItem::Failed(failure) => Ok(of_failure(failure.path, &failure.error)),
                ScanItem::Notice(notice) => {
                    let place = notice.path.map(|path| path + ": ").unwrap_or_default();
                    remark(&sentence(&(place + &notice.message)));
                    continue;
                }
                ScanItem::Omitted(omission) => {
                    let place = omission.path.map(|path| path + ": ").unwrap_or_default();
                    remark(&sentence(&["left out: ", &place, &omission.message].concat()));
                    continue;
                }
            };
            let is_end = answer.is_err();
            let answer = answer.map(|record| ImportResponse { record: Some(record), finished: false });
            if out.send(answer).await.is_err() || is_end {
                return;
            }
        }
    }
    // A failure comes in place of `finished`: Plakar makes no snapshot then.
    let last = scan.finish().await.map(|()| ImportResponse { record: None, finished: true });
    let is_well = last.is_ok();
    if out.send(last.map_err(|error| status(&error))).await.is_ok() && is_well {
        // A call that ends well before Plakar has acknowledged everything is a failure to it.
        acknowledged.await.ok();
    }
}

/// The bytes of one file, and at their end whether they are all of it.
fn chunks(file: FileStream) -> BoxStream<'static, Result<OpenResponse, Status>> {
    let pieces = file.into_stream().flat_map(|bytes| match bytes {
        Ok(bytes) => {
            stream::iter(split(bytes).into_iter().map(|chunk| Ok(OpenResponse { chunk })).collect::<Vec<_>>())
        }
        Err(error) => stream::iter(vec![Err(status(&error))]),
    });
    pieces.boxed()
}

/// The bytes in pieces that Plakar takes; none of them is empty.
fn split(mut bytes: Bytes) -> Vec<Bytes> {
    let mut pieces = Vec::new();
    while !bytes.is_empty() {
        pieces.push(bytes.split_to(bytes.len().min(CHUNK)));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_chunk_is_empty_or_too_large() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
            let pieces = split(Bytes::from(vec![7; length]));
            assert!(pieces.iter().all(|piece| (1..=CHUNK).contains(&piece.len())), "{length}");
            assert_eq!(pieces.concat().len(), length);
        }
    }
}
