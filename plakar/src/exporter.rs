//! The service that Plakar restores to.

use std::collections::HashMap;
use std::sync::Mutex;

use bytes::Bytes;
use connector_host::api::{BatchSender, Destination, MAX_FILE_BYTES, ReportStream, WriteSession};
use connector_host::types::{Entry, EntryKind, Item, Outcome, WriteItem};
use connector_host::{Exporter, JobError};
use futures::channel::mpsc;
use futures::stream::BoxStream;
use futures::{SinkExt, StreamExt, join};
use tonic::{Request, Response, Status, Streaming};

use crate::protocol::plakar::connectors::{Record, Result as Acknowledgement};
use crate::protocol::plakar::exporter::export_request::Packet;
use crate::protocol::plakar::exporter::exporter_server::Exporter as Calls;
use crate::protocol::plakar::exporter::{
    CloseRequest, CloseResponse, ExportRequest, ExportResponse, InitRequest, InitResponse, PingRequest,
    PingResponse,
};
use crate::records::{Base, Kind, kind, modified, sentence, status};
use crate::{FLAGS, Opened, Plugin, locked};

/// Acknowledgements that wait to be sent.
const WAITING: usize = 64;

/// What goes back to Plakar.
type Answer = Result<ExportResponse, Status>;

pub(super) struct Service {
    plugin: Plugin,
    opened: Opened<Exporter>,
}

impl Service {
    pub(super) fn new(plugin: Plugin) -> Self {
        Self { plugin, opened: Opened::new() }
    }
}

#[tonic::async_trait]
impl Calls for Service {
    type ExportStream = BoxStream<'static, Answer>;

    async fn init(&self, request: Request<InitRequest>) -> Result<Response<InitResponse>, Status> {
        let (connector, config, options) = self.plugin.prepare(request.into_inner().config).await?;
        let exporter = Exporter::open(&connector, options, config).await;
        let exporter = exporter.map_err(|error| self.plugin.not_opened(&error))?;
        // What fails here is one sentence to Plakar's user; what fails later, he is told for every record. The
        // restore goes on from what was found, so that nothing is asked twice.
        exporter.ping().await.map_err(|error| status(&error))?;
        let identity = exporter.identity();
        let answer = InitResponse {
            origin: sentence(&identity.origin),
            r#type: identity.kind.clone(),
            root: identity.root.clone(),
            flags: FLAGS,
        };
        self.opened.set(Some(exporter));
        Ok(Response::new(answer))
    }

    async fn ping(&self, _: Request<PingRequest>) -> Result<Response<PingResponse>, Status> {
        self.opened.get()?.ping().await.map_err(|error| status(&error))?;
        Ok(Response::new(PingResponse {}))
    }

    async fn export(
        &self,
        request: Request<Streaming<ExportRequest>>,
    ) -> Result<Response<Self::ExportStream>, Status> {
        let exporter = self.opened.get()?;
        let (out, answers) = mpsc::channel(WAITING);
        tokio::spawn(restore(exporter, request.into_inner(), self.plugin.remark, out));
        Ok(Response::new(answers.boxed()))
    }

    async fn close(&self, _: Request<CloseRequest>) -> Result<Response<CloseResponse>, Status> {
        self.opened.set(None);
        Ok(Response::new(CloseResponse {}))
    }
}

/// One restore: takes what Plakar sends to the end, whatever happens, because a call that ends before is to
/// Plakar either a success or `EOF`. Every record is acknowledged; the last word says how many failed.
async fn restore(
    exporter: Exporter,
    packets: Streaming<ExportRequest>,
    remark: fn(&str),
    mut out: mpsc::Sender<Answer>,
) {
    let WriteSession { items, mut reports } = exporter.write();
    let ledger = Ledger { waiting: Mutex::default(), tally: Mutex::default(), out: out.clone(), remark };
    let intake = Intake { ledger: &ledger, items, base: Base::default(), open: None };
    let (is_whole, ()) = join!(intake.take_all(packets), report(&mut reports, &ledger));
    if !is_whole {
        // Plakar has cancelled: nobody hears anything any more.
        return exporter.cancel();
    }
    let end = reports.finish().await;
    // What got no report is not done.
    let left: Vec<String> = locked(&ledger.waiting).keys().cloned().collect();
    let why = end
        .as_ref()
        .err()
        .map_or_else(|| "the connector did not report on it".to_owned(), JobError::to_string);
    for path in left {
        ledger.settle(&path, Fate::Failed(&why)).await;
    }
    let last = end.map_err(|error| status(&error)).and_then(|()| locked(&ledger.tally).verdict());
    if let Err(last) = last {
        out.send(Err(last)).await.ok();
    }
}

/// What comes from Plakar, on its way to the job.
struct Intake<'a> {
    ledger: &'a Ledger,
    items: BatchSender<Item>,
    base: Base,
    /// The file whose bytes are coming.
    open: Option<File>,
}

impl Intake<'_> {
    /// Hands on what comes. Answers whether it came to its end, and not to a break.
    async fn take_all(mut self, mut packets: Streaming<ExportRequest>) -> bool {
        loop {
            match packets.message().await {
                Ok(Some(ExportRequest { packet: Some(Packet::Record(record)) })) => self.record(record).await,
                Ok(Some(ExportRequest { packet: Some(Packet::Chunk(chunk)) })) => self.chunk(&chunk).await,
                Ok(Some(ExportRequest { packet: None })) => {}
                Ok(None) => {
                    self.cut_off().await;
                    return true;
                }
                Err(_) => return false,
            }
        }
    }

    async fn record(&mut self, record: Record) {
        self.cut_off().await;
        let path = self.base.place(&record);
        let file = File::of(path.clone(), &record);
        let has_bytes = record.has_reader;
        self.ledger.expect(path, record);
        if has_bytes {
            self.open = Some(file);
        } else {
            self.hand_on(file.without_bytes()).await;
        }
    }

    async fn chunk(&mut self, chunk: &Bytes) {
        if !chunk.is_empty() {
            if let Some(file) = &mut self.open {
                file.add(chunk);
            }
        } else if let Some(file) = self.open.take() {
            // A chunk that is there and empty: the file is whole.
            self.hand_on(file.with_bytes()).await;
        }
    }

    /// The end of the file whose bytes were coming has not come: the store could not be read. It is not written.
    async fn cut_off(&mut self) {
        if let Some(File { entry, bytes, .. }) = self.open.take() {
            let why = format!("only {} bytes of it came out of the store", bytes.len());
            self.ledger.settle(&entry.path, Fate::Failed(&why)).await;
        }
    }

    async fn hand_on(&mut self, complete: Result<Item, (String, String)>) {
        match complete {
            // When nobody takes it, the job has ended; what is left waiting is told so at the end.
            Ok(item) => drop(self.items.send(vec![item]).await),
            Err((path, why)) => self.ledger.settle(&path, Fate::Failed(&why)).await,
        }
    }
}

/// Passes on what became of the records.
async fn report(reports: &mut ReportStream, ledger: &Ledger) {
    while let Some(reports) = reports.next().await {
        for report in reports {
            match report {
                WriteItem::Done((path, outcome)) => match outcome {
                    Outcome::Created | Outcome::Updated | Outcome::Unchanged => {
                        ledger.settle(&path, Fate::Well).await;
                    }
                    Outcome::Skipped(why) => ledger.settle(&path, Fate::Told(&why)).await,
                    Outcome::Failed(error) => ledger.settle(&path, Fate::Failed(error.message())).await,
                },
                WriteItem::Notice(notice) => ledger.note(notice.path.as_deref(), notice.message),
                WriteItem::Extra(path) => ledger.note(Some(&path), "is on the server only".to_owned()),
            }
        }
    }
}

/// A record that is being received.
struct File {
    entry: Entry,
    bytes: Vec<u8>,
    /// Why it will not be written, whatever comes.
    refused: Option<String>,
}

impl File {
    fn of(path: String, record: &Record) -> Self {
        let (kind, refused) = match kind(record) {
            Kind::Directory => (EntryKind::Directory, None),
            Kind::File => (EntryKind::File, None),
            Kind::Other(what) => (EntryKind::File, Some(format!("{what} cannot be restored here"))),
        };
        let entry = Entry { path, kind, size: None, modified: modified(record), version: None };
        Self { entry, bytes: Vec::new(), refused }
    }

    fn add(&mut self, chunk: &Bytes) {
        if self.refused.is_none() && (self.bytes.len() + chunk.len()) as u64 > MAX_FILE_BYTES {
            self.refused = Some(format!("it has more than {MAX_FILE_BYTES} bytes"));
            self.bytes = Vec::new();
        }
        if self.refused.is_none() {
            self.bytes.extend_from_slice(chunk);
        }
    }

    fn without_bytes(mut self) -> Result<Item, (String, String)> {
        if self.entry.kind == EntryKind::File {
            self.refused.get_or_insert_with(|| "the snapshot does not have its content".to_owned());
        }
        self.item(None)
    }

    fn with_bytes(mut self) -> Result<Item, (String, String)> {
        let bytes = std::mem::take(&mut self.bytes);
        self.item(Some(bytes))
    }

    fn item(self, body: Option<Vec<u8>>) -> Result<Item, (String, String)> {
        match self.refused {
            Some(why) => Err((self.entry.path, why)),
            None => Ok(Item { entry: self.entry, body }),
        }
    }
}

/// What became of a record.
enum Fate<'a> {
    /// It is as the snapshot has it.
    Well,
    /// It is not a failure, and people should know.
    Told(&'a str),
    Failed(&'a str),
}

/// The records that are not acknowledged yet, by the path they are restored to, and how the others went.
struct Ledger {
    waiting: Mutex<HashMap<String, Waiting>>,
    tally: Mutex<Tally>,
    out: mpsc::Sender<Answer>,
    remark: fn(&str),
}

/// A record and the remarks about it.
struct Waiting {
    record: Record,
    remarks: Vec<String>,
}

impl Ledger {
    fn expect(&self, path: String, record: Record) {
        locked(&self.waiting).insert(path, Waiting { record, remarks: Vec::new() });
    }

    /// A remark goes out with the record it is about. What is about no record goes elsewhere.
    fn note(&self, path: Option<&str>, text: String) {
        let mut waiting = locked(&self.waiting);
        match path.and_then(|path| waiting.get_mut(path)) {
            Some(one) => one.remarks.push(text),
            None => (self.remark)(&sentence(&[path.unwrap_or_default(), &text].join(" "))),
        }
    }

    /// Acknowledges a record, once.
    async fn settle(&self, path: &str, fate: Fate<'_>) {
        let Some(Waiting { record, mut remarks }) = locked(&self.waiting).remove(path) else { return };
        let has_failed = matches!(fate, Fate::Failed(_));
        if let Fate::Told(why) | Fate::Failed(why) = fate {
            remarks.insert(0, why.to_owned());
        }
        let error = sentence(&remarks.join("; "));
        locked(&self.tally).count(&record.pathname, has_failed.then_some(&error));
        let result = Acknowledgement { header: Some(record), error };
        self.out.clone().send(Ok(ExportResponse { result: Some(result) })).await.ok();
    }
}

/// How many records there were, and how many failed.
#[derive(Default)]
struct Tally {
    all: u64,
    failed: u64,
    first: Option<String>,
}

impl Tally {
    fn count(&mut self, path: &str, failure: Option<&String>) {
        self.all += 1;
        if let Some(why) = failure {
            self.failed += 1;
            self.first.get_or_insert_with(|| format!("{path}: {why}"));
        }
    }

    /// Plakar exits with 0, whatever failed, unless the call itself ends badly.
    fn verdict(&self) -> Result<(), Status> {
        let Some(first) = &self.first else { return Ok(()) };
        let (all, failed) = (self.all, self.failed);
        let what = if failed == 1 { "this one" } else { "the first of them" };
        Err(Status::unknown(format!("{failed} of {all} could not be restored, {what} {first}")))
    }
}
