//! The records of a restore, and the outcome of each.

use std::collections::HashMap;
use std::sync::Mutex;

use connector_host::JobError;
use futures::SinkExt;
use futures::channel::mpsc;
use tonic::Status;

use crate::plugin::locked;
use crate::protocol::plakar::connectors::{Record, Result as Acknowledgement};
use crate::protocol::plakar::exporter::ExportResponse;
use crate::records::{sentence, status};

/// Message to Plakar, or the end of the call.
pub(super) type ExportAnswer = Result<ExportResponse, Status>;

/// Outcome of a record.
pub(super) enum RecordOutcome<'a> {
    /// The destination has it as it is in the snapshot.
    Ok,
    /// Not a failure, but the reason is shown to people.
    Warned(&'a str),
    /// The destination does not have it, for this reason.
    Failed(&'a str),
}

/// Records that are not acknowledged yet, by the path they are restored to, and the figures of the others.
pub(super) struct Ledger {
    pending: Mutex<HashMap<String, PendingRecord>>,
    tally: Mutex<Tally>,
    out: mpsc::Sender<ExportAnswer>,
    on_notice: fn(&str),
}

/// A record and the notices about it.
struct PendingRecord {
    record: Record,
    notices: Vec<String>,
}

impl Ledger {
    pub(super) fn new(out: mpsc::Sender<ExportAnswer>, on_notice: fn(&str)) -> Self {
        Self { pending: Mutex::default(), tally: Mutex::default(), out, on_notice }
    }

    /// Enters a record that has to be acknowledged.
    pub(super) fn expect(&self, path: String, record: Record) {
        locked(&self.pending).insert(path, PendingRecord { record, notices: Vec::new() });
    }

    /// Keeps a notice until its record is acknowledged. Plakar has no place for a notice about anything else.
    pub(super) fn note(&self, path: Option<&str>, text: String) {
        let mut pending = locked(&self.pending);
        match path.and_then(|path| pending.get_mut(path)) {
            Some(record) => record.notices.push(text),
            None => (self.on_notice)(&sentence(&[path.unwrap_or_default(), &text].join(" "))),
        }
    }

    /// Acknowledges a record, once.
    pub(super) async fn settle(&self, path: &str, outcome: RecordOutcome<'_>) {
        let Some(PendingRecord { record, mut notices }) = locked(&self.pending).remove(path) else { return };
        let has_failed = matches!(outcome, RecordOutcome::Failed(_));
        if let RecordOutcome::Warned(why) | RecordOutcome::Failed(why) = outcome {
            notices.insert(0, why.to_owned());
        }
        let error = sentence(&notices.join("; "));
        locked(&self.tally).count(&record.pathname, has_failed.then_some(&error));
        let result = Acknowledgement { header: Some(record), error };
        self.out.clone().send(Ok(ExportResponse { result: Some(result) })).await.ok();
    }

    /// Ends the call: records without an outcome have failed. The status is the reason why the job ended early, or else
    /// how many records failed.
    pub(super) async fn close(&self, end: Result<(), JobError>) {
        let why = match &end {
            Ok(()) => "the connector did not report what it did".to_owned(),
            Err(error) => error.to_string(),
        };
        let left: Vec<String> = locked(&self.pending).keys().cloned().collect();
        for path in left {
            self.settle(&path, RecordOutcome::Failed(&why)).await;
        }
        let verdict = end.map_err(|error| status(&error)).and_then(|()| locked(&self.tally).verdict());
        if let Err(status) = verdict {
            self.out.clone().send(Err(status)).await.ok();
        }
    }
}

/// Figures of the acknowledged records.
#[derive(Default)]
struct Tally {
    all: u64,
    failed: u64,
    /// Path and reason of the first failure.
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

    /// Returns the status of the call. Plakar exits with 0 after any number of failed records, unless the call itself
    /// ends with an error.
    fn verdict(&self) -> Result<(), Status> {
        let Some(first) = &self.first else { return Ok(()) };
        let (all, failed) = (self.all, self.failed);
        let what = if failed == 1 { "this one" } else { "the first of them" };
        Err(Status::unknown(format!("{failed} of {all} could not be restored, {what} {first}")))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use futures::StreamExt;
    use futures::executor::block_on;

    use super::*;

    thread_local! {
        static NOTICES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    }

    /// A ledger that expects records with these paths.
    fn ledger(paths: &[&str]) -> (Ledger, mpsc::Receiver<ExportAnswer>) {
        let (out, answers) = mpsc::channel(10);
        let keep = |notice: &str| NOTICES.with_borrow_mut(|notices| notices.push(notice.to_owned()));
        let ledger = Ledger::new(out, keep);
        for path in paths {
            let record = Record { pathname: (*path).to_owned(), ..Record::default() };
            ledger.expect((*path).to_owned(), record);
        }
        (ledger, answers)
    }

    /// Acknowledgements as "path: error", and the message of the status.
    fn said(ledger: Ledger, answers: mpsc::Receiver<ExportAnswer>) -> Vec<String> {
        drop(ledger);
        let text = |answer: ExportAnswer| match answer {
            Ok(response) => {
                let result = response.result.unwrap();
                format!("{}: {}", result.header.unwrap().pathname, result.error)
            }
            Err(status) => status.message().to_owned(),
        };
        block_on(answers.map(text).collect())
    }

    #[test]
    fn every_record_is_acknowledged_once() {
        let (ledger, answers) = ledger(&["/a", "/b", "/c"]);
        block_on(async {
            ledger.settle("/a", RecordOutcome::Ok).await;
            ledger.settle("/a", RecordOutcome::Failed("too late")).await;
            ledger.settle("/b", RecordOutcome::Warned("left\nas it is")).await;
            ledger.close(Ok(())).await;
        });
        let why = "the connector did not report what it did";
        let verdict = format!("1 of 3 could not be restored, this one /c: {why}");
        assert_eq!(said(ledger, answers), ["/a: ", "/b: left as it is", &format!("/c: {why}"), &verdict]);
    }

    #[test]
    fn notices_come_with_the_record_that_they_are_about() {
        let (ledger, answers) = ledger(&["/a"]);
        ledger.note(Some("/a"), "first".to_owned());
        ledger.note(Some("/a"), "second".to_owned());
        ledger.note(Some("/unknown"), "is\told".to_owned());
        ledger.note(None, "about nothing".to_owned());
        block_on(ledger.settle("/a", RecordOutcome::Failed("reason")));
        block_on(ledger.close(Ok(())));
        let verdict = "1 of 1 could not be restored, this one /a: reason; first; second";
        assert_eq!(said(ledger, answers), ["/a: reason; first; second", verdict]);
        assert_eq!(NOTICES.take(), ["/unknown is old", "about nothing"]);
    }

    #[test]
    fn a_job_that_ends_early_is_the_status() {
        let (ledger, answers) = ledger(&["/a"]);
        block_on(ledger.close(Err(JobError::Cancelled)));
        assert_eq!(said(ledger, answers), ["/a: the job was cancelled", "the job was cancelled"]);
    }
}
