//! A whole scan, as the commands use it.

use futures::StreamExt;
use futures::channel::mpsc;
use futures::future::join;

use super::output::{Outcome, eprint_line};
use crate::source::{Entry, Importer, ScanItem};

/// Result of a scan.
pub(super) struct Scanned {
    /// The paths of the directories; the first is the root.
    pub(super) directories: Vec<String>,
    pub(super) files: Vec<Entry>,
    /// Whether everything could be listed.
    pub(super) is_complete: bool,
}

/// Scans the account, and prints what is left out or failed.
pub(super) async fn scan(importer: &Importer) -> Outcome<Scanned> {
    let (sender, mut found) = mpsc::channel::<Vec<ScanItem>>(0);
    let mut scanned = Scanned { directories: Vec::new(), files: Vec::new(), is_complete: true };
    let take = async {
        while let Some(items) = found.next().await {
            for item in items {
                scanned.take(item);
            }
        }
    };
    let (result, ()) = join(importer.scan(sender), take).await;
    result.map_err(|error| error.to_string())?;
    Ok(scanned)
}

impl Scanned {
    fn take(&mut self, item: ScanItem) {
        let line = |what: &str, path: Option<String>, text: &str| {
            let path = path.map(|path| path + ": ").unwrap_or_default();
            eprint_line(&[what, &path, text].concat());
        };
        match item {
            ScanItem::Entry(entry) if entry.is_directory => self.directories.push(entry.path),
            ScanItem::Entry(entry) => self.files.push(entry),
            ScanItem::Notice(path, message) => line("note: ", path, &message),
            ScanItem::Omitted(path, message) => line("left out: ", path, &message),
            ScanItem::Failed(path, error) => {
                self.is_complete = false;
                line("failed: ", Some(path), error.message());
            }
        }
    }
}
