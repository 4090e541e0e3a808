//! Assembling items from the records and chunks that Plakar sends.

use bytes::Bytes;
use connector_host::api::{BatchSender, MAX_FILE_BYTES};
use connector_host::types::{Entry, EntryKind, Item};
use futures::{Stream, StreamExt};
use tonic::Status;

use crate::ledger::{Ledger, RecordOutcome};
use crate::protocol::plakar::connectors::Record;
use crate::protocol::plakar::exporter::ExportRequest;
use crate::protocol::plakar::exporter::export_request::Packet;
use crate::records::{RecordKind, StrippedPrefix, kind, modified};

/// Receives records and chunks, and hands complete items to the job.
pub(super) struct Incoming<'a> {
    ledger: &'a Ledger,
    items: BatchSender<Item>,
    stripped: StrippedPrefix,
    /// File whose chunks are arriving.
    open: Option<IncomingFile>,
}

impl<'a> Incoming<'a> {
    pub(super) fn new(ledger: &'a Ledger, items: BatchSender<Item>) -> Self {
        Self { ledger, items, stripped: StrippedPrefix::default(), open: None }
    }

    /// Takes all packets. Returns true if they ended with Plakar's half-close, and false if the call was reset.
    pub(super) async fn take_all(
        mut self,
        mut packets: impl Stream<Item = Result<ExportRequest, Status>> + Unpin,
    ) -> bool {
        loop {
            match packets.next().await {
                Some(Ok(ExportRequest { packet: Some(Packet::Record(record)) })) => self.record(record).await,
                Some(Ok(ExportRequest { packet: Some(Packet::Chunk(chunk)) })) => self.chunk(&chunk).await,
                Some(Ok(ExportRequest { packet: None })) => {}
                None => {
                    self.cut_off().await;
                    return true;
                }
                Some(Err(_)) => return false,
            }
        }
    }

    async fn record(&mut self, record: Record) {
        self.cut_off().await;
        let path = self.stripped.full_path(&record);
        let file = IncomingFile::new(path.clone(), &record);
        let has_bytes = record.has_reader;
        self.ledger.expect(path, record);
        if has_bytes {
            self.open = Some(file);
        } else {
            self.hand_over(file.without_bytes()).await;
        }
    }

    async fn chunk(&mut self, chunk: &Bytes) {
        if !chunk.is_empty() {
            if let Some(file) = &mut self.open {
                file.add(chunk);
            }
        } else if let Some(file) = self.open.take() {
            // Plakar ends a file with an empty chunk.
            self.hand_over(file.with_bytes()).await;
        }
    }

    /// Gives up the open file, if there is one: its last chunk has not come, because Plakar could not read its store.
    async fn cut_off(&mut self) {
        if let Some(IncomingFile { entry, bytes, .. }) = self.open.take() {
            let why = format!("only {} bytes of it came out of the store", bytes.len());
            self.ledger.settle(&entry.path, RecordOutcome::Failed(&why)).await;
        }
    }

    async fn hand_over(&mut self, complete: Result<Item, (String, String)>) {
        match complete {
            // If the job takes no more items, it has ended: the ledger says so when it is closed.
            Ok(item) => drop(self.items.send(vec![item]).await),
            Err((path, why)) => self.ledger.settle(&path, RecordOutcome::Failed(&why)).await,
        }
    }
}

/// A file or directory that is being received.
struct IncomingFile {
    entry: Entry,
    bytes: Vec<u8>,
    /// Reason why it is not written, whatever comes.
    refused: Option<String>,
}

impl IncomingFile {
    fn new(path: String, record: &Record) -> Self {
        let (kind, refused) = match kind(record) {
            RecordKind::Directory => (EntryKind::Directory, None),
            RecordKind::File => (EntryKind::File, None),
            RecordKind::Other(what) => (EntryKind::File, Some(format!("{what} cannot be restored here"))),
        };
        let entry = Entry { path, kind, size: None, modified: modified(record), version: None };
        Self { entry, bytes: Vec::new(), refused }
    }

    fn add(&mut self, chunk: &Bytes) {
        if self.refused.is_none() && (self.bytes.len() + chunk.len()) as u64 > MAX_FILE_BYTES {
            self.refused = Some(format!("larger than {MAX_FILE_BYTES} bytes"));
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

#[cfg(test)]
mod tests {
    use connector_host::api::batches;
    use futures::channel::mpsc;
    use futures::executor::block_on;
    use futures::stream;

    use super::*;
    use crate::ledger::ExportAnswer;
    use crate::protocol::plakar::connectors::FileInfo;

    const DIRECTORY: u32 = 1 << 31;
    const LINK: u32 = 1 << 27;

    fn record(path: &str, mode: u32, has_reader: bool) -> Packet {
        let file_info = Some(FileInfo { mode, name: "name".to_owned(), ..FileInfo::default() });
        Packet::Record(Record { pathname: path.to_owned(), file_info, has_reader, ..Record::default() })
    }

    fn chunk(bytes: &'static str) -> Packet {
        Packet::Chunk(Bytes::from(bytes))
    }

    /// Takes packets and then an end; returns the items as "path=bytes", the acknowledgements as "path: error", and
    /// whether all was taken.
    fn take(packets: Vec<Packet>, end: Option<Status>) -> (Vec<String>, Vec<String>, bool) {
        let (out, answers) = mpsc::channel::<ExportAnswer>(10);
        let ledger = Ledger::new(out, |_| ());
        let (items, taken) = batches();
        let packets = packets.into_iter().map(|packet| Ok(ExportRequest { packet: Some(packet) }));
        let packets = stream::iter(packets.chain(end.map(Err)));
        let item = |item: Item| {
            let body = item.body.map(|body| format!("={}", String::from_utf8_lossy(&body)));
            item.entry.path + &body.unwrap_or_default()
        };
        let error = |answer: ExportAnswer| {
            let result = answer.unwrap().result.unwrap();
            format!("{}: {}", result.header.unwrap().pathname, result.error)
        };
        block_on(async {
            let all = Incoming::new(&ledger, items).take_all(packets);
            let (is_complete, items) = futures::join!(all, taken.collect::<Vec<Vec<Item>>>());
            drop(ledger);
            let answers = answers.map(error).collect().await;
            (items.into_iter().flatten().map(item).collect(), answers, is_complete)
        })
    }

    #[test]
    fn chunks_become_files() {
        let (items, answers, is_complete) = take(
            vec![
                record("/d", DIRECTORY, false),
                record("/d/a", 0, true),
                chunk("on"),
                chunk("e"),
                chunk(""),
                // Chunks that belong to no file.
                chunk(""),
                chunk("stray"),
                record("/d/b", 0, true),
                chunk(""),
            ],
            None,
        );
        assert_eq!(items, ["/d", "/d/a=one", "/d/b="]);
        assert!(answers.is_empty() && is_complete);
    }

    #[test]
    fn a_file_without_its_end_has_failed() {
        let packets = vec![record("/d/a", 0, true), chunk("one"), record("/d/b", 0, true), chunk("two")];
        let (items, answers, is_complete) = take(packets, None);
        assert!(items.is_empty() && is_complete);
        let why = "only 3 bytes of it came out of the store";
        assert_eq!(answers, [format!("/d/a: {why}"), format!("/d/b: {why}")]);
    }

    #[test]
    fn a_call_that_is_reset_writes_no_half_file() {
        let packets = vec![record("/d/a", 0, true), chunk("one")];
        let (items, answers, is_complete) = take(packets, Some(Status::cancelled("")));
        assert!(items.is_empty() && answers.is_empty() && !is_complete);
    }

    #[test]
    fn links_and_files_without_content_are_refused() {
        let packets = vec![record("/d/a", LINK, false), record("/d/b", 0, false)];
        let (items, answers, _) = take(packets, None);
        assert!(items.is_empty());
        assert_eq!(
            answers,
            [
                "/d/a: a link or a special file cannot be restored here",
                "/d/b: the snapshot does not have its content",
            ]
        );
    }
}
