//! `backup LOCATION`: everything in the account, as a tar on standard output.

use futures::channel::mpsc;
use futures::future::join3;
use futures::{SinkExt, StreamExt};

use super::listing::{Scanned, scan};
use super::output::{Outcome, eprint_line, write_stdout};
use super::tar;
use crate::source::{Content, Entry, Importer};

/// The archive while it is written.
struct Archive<'a> {
    files: &'a [Entry],
    /// The place of the last file: bodies come almost in the order of the files.
    at: usize,
    /// The first error of standard output. After it, nothing is written.
    written: std::io::Result<()>,
    is_complete: bool,
}

/// Runs the command.
pub(super) async fn run(importer: &Importer) -> Outcome {
    let Scanned { directories, files, is_complete } = scan(importer).await?;
    let mut archive = Archive { files: &files, at: 0, written: Ok(()), is_complete };
    for path in &directories {
        archive.write(&tar::directory(path));
    }
    let (mut wanted, receiver) = mpsc::channel(0);
    let (sender, mut ready) = mpsc::channel::<Vec<Content>>(0);
    let paths = files.iter().map(|entry| entry.path.clone()).collect();
    // The receiver lives until everything is read.
    let ask = async move { wanted.send(paths).await.unwrap_or_default() };
    let write = async {
        while let Some(contents) = ready.next().await {
            for content in contents {
                archive.add(content);
            }
        }
    };
    join3(importer.read_all(receiver, sender), ask, write).await;
    archive.write(&tar::END);
    archive.written.map_err(|error| ["standard output: ", &error.to_string()].concat())?;
    eprint_line(&format!("{} calendars, {} files", directories.len().saturating_sub(1), files.len()));
    if archive.is_complete {
        Ok(())
    } else {
        Err("Archive written; the items listed above are missing".to_owned())
    }
}

impl Archive<'_> {
    fn write(&mut self, bytes: &[u8]) {
        if self.written.is_ok() {
            self.written = write_stdout(bytes);
        }
    }

    fn add(&mut self, (path, body): Content) {
        match body {
            Ok(bytes) => {
                let modified = self.find(&path).and_then(|entry| entry.modified);
                self.write(&tar::file(&path, modified, &bytes));
            }
            Err(error) => {
                self.is_complete = false;
                eprint_line(&["failed: ", &path, ": ", error.message()].concat());
            }
        }
    }

    /// Finds the entry of a path, beginning at the place of the last one.
    fn find(&mut self, path: &str) -> Option<&Entry> {
        let (before, after) = self.files.split_at(self.at.min(self.files.len()));
        let steps = after.iter().chain(before).position(|entry| entry.path == path)?;
        self.at = (self.at + steps) % self.files.len().max(1);
        self.files.get(self.at)
    }
}
