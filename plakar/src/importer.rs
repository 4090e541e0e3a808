//! The service that Plakar backs up with.

use bytes::Bytes;
use connector_host::Importer;
use connector_host::api::{FileStream, Source};
use connector_host::types::ScanItem;
use futures::channel::{mpsc, oneshot};
use futures::stream::{self, BoxStream};
use futures::{SinkExt, StreamExt};
use tonic::{Request, Response, Status, Streaming};

use crate::plugin::{FLAGS, OpenJob, Plugin};
use crate::protocol::importer::importer_server::Importer as Calls;
use crate::protocol::importer::{
    CloseRequest, CloseResponse, ImportRequest, ImportResponse, InitRequest, InitResponse, OpenRequest,
    OpenResponse, PingRequest, PingResponse,
};
use crate::records::{of_entry, of_failure, sentence, status};

/// Largest chunk, in bytes. Plakar takes at most 4 MiB in one message.
const MAX_CHUNK_BYTES: usize = 1 << 20;
/// Number of records that wait to be sent.
const CHANNEL_CAPACITY: usize = 64;

/// Implements the importer of `proto/importer.proto`.
pub(super) struct ImporterService {
    plugin: Plugin,
    job: OpenJob<Importer>,
}

impl ImporterService {
    pub(super) fn new(plugin: Plugin) -> Self {
        Self { plugin, job: OpenJob::new() }
    }
}

#[tonic::async_trait]
impl Calls for ImporterService {
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
        self.job.set(Some(importer));
        Ok(Response::new(answer))
    }

    async fn ping(&self, _: Request<PingRequest>) -> Result<Response<PingResponse>, Status> {
        self.job.get()?.ping().await.map_err(|error| status(&error))?;
        Ok(Response::new(PingResponse {}))
    }

    async fn import(
        &self,
        request: Request<Streaming<ImportRequest>>,
    ) -> Result<Response<Self::ImportStream>, Status> {
        let importer = self.job.get()?;
        let acknowledged = drain(request.into_inner());
        let (out, records) = mpsc::channel(CHANNEL_CAPACITY);
        tokio::spawn(list(importer, self.plugin.on_notice, acknowledged, out));
        Ok(Response::new(records.boxed()))
    }

    async fn open(&self, request: Request<OpenRequest>) -> Result<Response<Self::OpenStream>, Status> {
        let importer = self.job.get()?;
        let record = request.into_inner().record.unwrap_or_default();
        if record.is_xattr {
            return Err(Status::not_found(format!("{}: has no extended attributes", record.pathname)));
        }
        let body = importer.read(&record.pathname).await.map_err(|error| status(&error))?;
        Ok(Response::new(chunks(body)))
    }

    async fn close(&self, _: Request<CloseRequest>) -> Result<Response<CloseResponse>, Status> {
        self.job.set(None);
        Ok(Response::new(CloseResponse {}))
    }
}

/// Takes acknowledgements until Plakar has no more, on a task of its own: if they are not taken, Plakar stops forever
/// after some two thousand records.
fn drain(mut acknowledgements: Streaming<ImportRequest>) -> oneshot::Receiver<()> {
    let (done, ended) = oneshot::channel();
    tokio::spawn(async move {
        while let Some(Ok(_)) = acknowledgements.next().await {}
        done.send(()).ok();
    });
    ended
}

/// Sends the records of a scan until Plakar takes no more.
async fn list(
    importer: Importer,
    on_notice: fn(&str),
    acknowledged: oneshot::Receiver<()>,
    mut out: mpsc::Sender<Result<ImportResponse, Status>>,
) {
    let mut scan = importer.scan();
    while let Some(items) = scan.next().await {
        for item in items {
            let answer = match item {
                ScanItem::Entry(entry) => Ok(of_entry(entry)),
                // Plakar does not count a failure of the root: it would make a successful snapshot of nothing.
                ScanItem::Failed(failure) if failure.path == "/" => Err(status(&failure.error.into())),
                ScanItem::Failed(failure) => Ok(of_failure(failure.path, &failure.error)),
                ScanItem::Notice(notice) => {
                    on_notice(&about(notice.path, &notice.message));
                    continue;
                }
                ScanItem::Omitted(omission) => {
                    on_notice(&format!("left out: {}", about(omission.path, &omission.message)));
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
    // An error in place of `finished`: Plakar makes no snapshot then.
    let last = scan.finish().await.map(|()| ImportResponse { record: None, finished: true });
    let is_complete = last.is_ok();
    if out.send(last.map_err(|error| status(&error))).await.is_ok() && is_complete {
        // Plakar takes a call for failed that succeeds before it has acknowledged everything.
        acknowledged.await.ok();
    }
}

fn about(path: Option<String>, message: &str) -> String {
    sentence(&(path.map(|path| path + ": ").unwrap_or_default() + message))
}

/// Returns the bytes of a file as chunks, and an error at their end if they are not all of it.
fn chunks(file: FileStream) -> BoxStream<'static, Result<OpenResponse, Status>> {
    let pieces = file.into_stream().flat_map(|bytes| match bytes {
        Ok(bytes) => {
            stream::iter(split(bytes).into_iter().map(|chunk| Ok(OpenResponse { chunk })).collect::<Vec<_>>())
        }
        Err(error) => stream::iter(vec![Err(status(&error))]),
    });
    pieces.boxed()
}

/// Splits bytes into chunks that Plakar takes; none of them is empty.
fn split(mut bytes: Bytes) -> Vec<Bytes> {
    let mut pieces = Vec::new();
    while !bytes.is_empty() {
        pieces.push(bytes.split_to(bytes.len().min(MAX_CHUNK_BYTES)));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_chunk_is_empty_or_too_large() {
        for length in [0, 1, MAX_CHUNK_BYTES - 1, MAX_CHUNK_BYTES, MAX_CHUNK_BYTES + 1, 3 * MAX_CHUNK_BYTES] {
            let pieces = split(Bytes::from(vec![7; length]));
            assert!(pieces.iter().all(|piece| (1..=MAX_CHUNK_BYTES).contains(&piece.len())), "{length}");
            assert_eq!(pieces.concat().len(), length);
        }
    }
}
