//! The records and bytes that Plakar sends, put together to items.

use bytes::Bytes;
use connector_host::api::{BatchSender, MAX_FILE_BYTES};
use connector_host::types::{Entry, EntryKind, Item};
use tonic::Streaming;

use crate::ledger::{Fate, Ledger};
use crate::protocol::plakar::connectors::Record;
use crate::protocol::plakar::exporter::ExportRequest;
use crate::protocol::plakar::exporter::export_request::Packet;
use crate::records::{Base, Kind, kind, modified};

/// What comes from Plakar, on its way to the job.
pub(super) struct Intake<'a> {
    ledger: &'a Ledger,
    items: BatchSender<Item>,
    base: Base,
    /// The file whose bytes are coming.
    open: Option<File>,
}

impl<'a> Intake<'a> {
    pub(super) fn new(ledger: &'a Ledger, items: BatchSender<Item>) -> Self {
        Self { ledger, items, base: Base::default(), open: None }
    }

    /// Hands on what comes. Answers whether it came to its end, and not to a break.
    pub(super) async fn take_all(mut self, mut packets: Streaming<ExportRequest>) -> bool {
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
