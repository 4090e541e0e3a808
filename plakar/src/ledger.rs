//! The records of a restore, and what became of each.

use std::collections::HashMap;
use std::sync::Mutex;

use futures::SinkExt;
use futures::channel::mpsc;
use tonic::Status;

use crate::plugin::locked;
use crate::protocol::plakar::connectors::{Record, Result as Acknowledgement};
use crate::protocol::plakar::exporter::ExportResponse;
use crate::records::sentence;

/// What goes back to Plakar.
pub(super) type Answer = Result<ExportResponse, Status>;

/// What became of a record.
pub(super) enum Fate<'a> {
    /// It is as the snapshot has it.
    Well,
    /// It is not a failure, and people should know.
    Told(&'a str),
    Failed(&'a str),
}

/// The records that are not acknowledged yet, by the path they are restored to, and how the others went.
pub(super) struct Ledger {
    pub(super) waiting: Mutex<HashMap<String, Waiting>>,
    pub(super) tally: Mutex<Tally>,
    out: mpsc::Sender<Answer>,
    remark: fn(&str),
}

/// A record and the remarks about it.
pub(super) struct Waiting {
    record: Record,
    remarks: Vec<String>,
}

impl Ledger {
    pub(super) fn new(out: mpsc::Sender<Answer>, remark: fn(&str)) -> Self {
        Self { waiting: Mutex::default(), tally: Mutex::default(), out, remark }
    }

    pub(super) fn expect(&self, path: String, record: Record) {
        locked(&self.waiting).insert(path, Waiting { record, remarks: Vec::new() });
    }

    /// A remark goes out with the record it is about. What is about no record goes elsewhere.
    pub(super) fn note(&self, path: Option<&str>, text: String) {
        let mut waiting = locked(&self.waiting);
        match path.and_then(|path| waiting.get_mut(path)) {
            Some(one) => one.remarks.push(text),
            None => (self.remark)(&sentence(&[path.unwrap_or_default(), &text].join(" "))),
        }
    }

    /// Acknowledges a record, once.
    pub(super) async fn settle(&self, path: &str, fate: Fate<'_>) {
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
pub(super) struct Tally {
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
    pub(super) fn verdict(&self) -> Result<(), Status> {
        let Some(first) = &self.first else { return Ok(()) };
        let (all, failed) = (self.all, self.failed);
        let what = if failed == 1 { "this one" } else { "the first of them" };
        Err(Status::unknown(format!("{failed} of {all} could not be restored, {what} {first}")))
    }
}
