//! `restore LOCATION`: a tar on standard input, to an account.

use futures::channel::mpsc;
use futures::future::join3;
use futures::{SinkExt, StreamExt};

use super::output::{Outcome as CommandOutcome, eprint_line};
use super::tar;
use crate::destination::{Exporter, Item, ItemBody, Outcome, WriteItem};

/// Number of items with each outcome.
#[derive(Default)]
struct OutcomeCounts {
    created: u32,
    updated: u32,
    unchanged: u32,
    skipped: u32,
    failed: u32,
}

/// Runs the command.
pub(super) async fn run(exporter: &Exporter) -> CommandOutcome {
    let (sender, items) = mpsc::channel(0);
    let (out, mut reports) = mpsc::channel::<Vec<WriteItem>>(0);
    let mut counts = OutcomeCounts::default();
    let take = async {
        while let Some(reports) = reports.next().await {
            for report in reports {
                counts.take(report);
            }
        }
    };
    let (read, written, ()) = join3(send_archive(sender), exporter.write(items, out), take).await;
    counts.print();
    read.and(written.map_err(|error| error.to_string()))?;
    if counts.failed == 0 { Ok(()) } else { Err("Restored; the items listed above are missing".to_owned()) }
}

/// Sends the entries of the archive until it ends or the receiver is gone.
async fn send_archive(mut sender: mpsc::Sender<Vec<Item>>) -> CommandOutcome {
    let mut input = std::io::stdin();
    loop {
        let entry = match tar::next(&mut input) {
            Ok(Some(entry)) => entry,
            Ok(None) => return Ok(()),
            Err(error) => return Err(["standard input: ", &error.to_string()].concat()),
        };
        let body = entry.bytes.map_or(ItemBody::Directory, |bytes| ItemBody::File(bytes.into()));
        if sender.send(vec![Item { path: entry.path, body }]).await.is_err() {
            return Ok(());
        }
    }
}

impl OutcomeCounts {
    /// Counts a report, and prints it if people have to know it.
    fn take(&mut self, report: WriteItem) {
        match report {
            WriteItem::Notice(path, message) => {
                eprint_line(&["note: ", path.as_deref().unwrap_or_default(), ": ", &message].concat());
            }
            WriteItem::Extra(path) => eprint_line(&["only on the server: ", &path].concat()),
            WriteItem::Done(path, outcome) => self.count(&path, outcome),
        }
    }

    fn count(&mut self, path: &str, outcome: Outcome) {
        match outcome {
            Outcome::Created => self.created += 1,
            Outcome::Updated => self.updated += 1,
            Outcome::Unchanged => self.unchanged += 1,
            Outcome::Skipped(why) => {
                self.skipped += 1;
                eprint_line(&["skipped: ", path, ": ", &why].concat());
            }
            Outcome::Failed(error) => {
                self.failed += 1;
                eprint_line(&["failed: ", path, ": ", error.message()].concat());
            }
        }
    }

    fn print(&self) {
        let Self { created, updated, unchanged, skipped, failed } = self;
        eprint_line(&format!(
            "{created} created, {updated} updated, {unchanged} unchanged, {skipped} skipped, {failed} failed"
        ));
    }
}
