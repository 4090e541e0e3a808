//! Handing what a folder holds to a destination: directories before what is in them, files in order, and a few at a
//! time, so that memory does not grow with the folder.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use connector_host::api::{BatchSender, Destination, MAX_FILE_BYTES, WriteSession};
use connector_host::types::{Entry, EntryKind, Error, Item, Outcome, WriteItem};
use futures::StreamExt;
use futures::channel::mpsc;

use crate::error::RestoreError;
use crate::tree;

/// Bytes of file content after which a batch is handed over.
const MAX_BATCH_BYTES: u64 = 1 << 20;
/// Largest number of items in a batch.
const MAX_BATCH_ITEMS: usize = 32;

/// Progress of a restore.
#[derive(Debug)]
#[non_exhaustive]
pub enum RestoreEvent<'a> {
    /// The folder was listed: it has so many files.
    Found(u64),
    /// A file or directory was dealt with.
    Done {
        /// Path in the snapshot.
        path: &'a str,
        /// Result at the destination.
        outcome: &'a Outcome,
    },
    /// The connector has something to tell.
    Notice {
        /// Item concerned.
        path: Option<&'a str>,
        /// Text for people.
        message: &'a str,
    },
    /// Something in the folder is left out on purpose.
    Omitted {
        /// Path in the snapshot.
        path: &'a str,
        /// Reason.
        message: &'a str,
    },
    /// In a dry run: something that only the destination has.
    Extra {
        /// Path in the snapshot, if it were backed up.
        path: &'a str,
    },
}

/// Figures of a restore.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestoreSummary {
    /// Items that the destination did not have.
    pub created: u64,
    /// Items that the destination had with another content.
    pub updated: u64,
    /// Items that the destination had as they are.
    pub unchanged: u64,
    /// Items that the destination left as they were there.
    pub skipped: u64,
    /// Items that failed.
    pub failed: u64,
}

/// Hands everything in `folder`, or the one file that it is, to `destination`.
///
/// The summary counts what was done, also if the run ended with an error.
///
/// # Errors
///
/// The folder is missing, empty or cannot be listed; or the destination failed as a whole or was cancelled. Single files
/// that fail are events.
pub async fn restore_folder(
    destination: &dyn Destination,
    folder: &Path,
    observe: &mut (dyn FnMut(RestoreEvent<'_>) + Send),
) -> (RestoreSummary, Result<(), RestoreError>) {
    let FolderListing { items, left_out } = match list(folder) {
        Ok(listing) => listing,
        Err(error) => return (RestoreSummary::default(), Err(error)),
    };
    for path in &left_out {
        observe(RestoreEvent::Omitted { path, message: "neither a file nor a folder of the backup" });
    }
    observe(RestoreEvent::Found(items.iter().filter(|item| item.size.is_some()).count() as u64));
    let unreported = items.iter().map(|item| item.path.clone()).collect();
    let mut run = RestoreRun { summary: RestoreSummary::default(), unreported, observe };
    let WriteSession { items: out, mut reports } = destination.write();
    let (failures, unread) = mpsc::unbounded();
    let mut all = futures::stream::select(reports.by_ref(), unread);
    let take = async {
        while let Some(reports) = all.next().await {
            for report in reports {
                run.take(report);
            }
        }
    };
    futures::join!(send(items, out, failures), take);
    let result = reports.finish().await.map_err(RestoreError::Destination);
    if result.is_ok() {
        run.fail_unreported();
    }
    (run.summary, result)
}

/// State of a run.
struct RestoreRun<'a> {
    summary: RestoreSummary,
    /// Paths that the destination has not reported on.
    unreported: BTreeSet<String>,
    observe: &'a mut (dyn FnMut(RestoreEvent<'_>) + Send),
}

impl RestoreRun<'_> {
    fn take(&mut self, report: WriteItem) {
        match report {
            WriteItem::Done((path, outcome)) => self.done(&path, &outcome),
            WriteItem::Notice(notice) => {
                let (path, message) = (notice.path.as_deref(), &notice.message);
                (self.observe)(RestoreEvent::Notice { path, message });
            }
            WriteItem::Extra(path) => (self.observe)(RestoreEvent::Extra { path: &path }),
        }
    }

    fn done(&mut self, path: &str, outcome: &Outcome) {
        self.unreported.remove(path);
        self.summary.count(outcome);
        (self.observe)(RestoreEvent::Done { path, outcome });
    }

    /// Counts items without a report as failed: without an error at the end, there is one for each.
    fn fail_unreported(&mut self) {
        for path in std::mem::take(&mut self.unreported) {
            let error = Error::Protocol("the connector did not report what it did".to_owned());
            self.done(&path, &Outcome::Failed(error));
        }
    }
}

impl RestoreSummary {
    fn count(&mut self, outcome: &Outcome) {
        *(match outcome {
            Outcome::Created => &mut self.created,
            Outcome::Updated => &mut self.updated,
            Outcome::Unchanged => &mut self.unchanged,
            Outcome::Skipped(_) => &mut self.skipped,
            Outcome::Failed(_) => &mut self.failed,
        }) += 1;
    }
}

/// Content of a folder.
#[derive(Default)]
struct FolderListing {
    /// Files and directories; a directory comes before what is in it.
    items: Vec<ListedItem>,
    /// Paths of links, which are not followed, and of folders that programs keep for themselves, such as `.git`.
    left_out: Vec<String>,
}

/// A file or directory of the folder.
struct ListedItem {
    /// Place on the disk.
    place: PathBuf,
    /// Path in the snapshot.
    path: String,
    /// Bytes; none for a directory.
    size: Option<u64>,
}

/// Lists everything below `folder`, or the one file that it is.
fn list(folder: &Path) -> Result<FolderListing, RestoreError> {
    let about = std::fs::metadata(folder).map_err(|error| RestoreError::folder(folder, error))?;
    let mut listing = FolderListing::default();
    if about.is_file() {
        let path = format!("/{}", folder.file_name().unwrap_or_default().to_string_lossy());
        listing.items.push(ListedItem { place: folder.to_owned(), path, size: Some(about.len()) });
        return Ok(listing);
    }
    let mut folders = vec![(folder.to_owned(), String::new())];
    while let Some((folder, path)) = folders.pop() {
        list_one(&folder, &path, &mut listing, &mut folders)
            .map_err(|error| RestoreError::folder(&folder, error))?;
    }
    if listing.items.is_empty() {
        return Err(RestoreError::Empty(folder.display().to_string()));
    }
    listing.items.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    listing.left_out.sort_unstable();
    Ok(listing)
}

/// Adds the entries of one folder to the listing, and its subfolders to those that are still to be listed.
fn list_one(
    folder: &Path,
    path: &str,
    listing: &mut FolderListing,
    folders: &mut Vec<(PathBuf, String)>,
) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let (place, about) = (entry.path(), entry.metadata()?);
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{path}/{name}");
        if about.is_dir() && !name.starts_with('.') {
            folders.push((place.clone(), path.clone()));
            listing.items.push(ListedItem { place, path, size: None });
        } else if !about.is_file() {
            listing.left_out.push(path);
        } else if !tree::is_own_name(&name) {
            listing.items.push(ListedItem { place, path, size: Some(about.len()) });
        }
    }
    Ok(())
}

/// Reads the files and hands them over until the destination takes no more. Files that cannot be read are reported to
/// `failures`.
async fn send(
    items: Vec<ListedItem>,
    mut out: BatchSender<Item>,
    failures: mpsc::UnboundedSender<Vec<WriteItem>>,
) {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    for item in items {
        bytes += item.size.unwrap_or_default();
        let path = item.path.clone();
        let read = tokio::task::spawn_blocking(move || read(item)).await;
        match read.map_err(io::Error::other).and_then(std::convert::identity) {
            Ok(item) => batch.push(item),
            Err(error) => {
                let outcome = Outcome::Failed(Error::Other(format!("cannot be read: {error}")));
                failures.unbounded_send(vec![WriteItem::Done((path, outcome))]).ok();
            }
        }
        if batch.len() >= MAX_BATCH_ITEMS || bytes >= MAX_BATCH_BYTES {
            bytes = 0;
            if out.send(std::mem::take(&mut batch)).await.is_err() {
                return;
            }
        }
    }
    out.send(batch).await.ok();
}

fn read(item: ListedItem) -> io::Result<Item> {
    let ListedItem { place, path, size } = item;
    let body = match size {
        None => None,
        Some(size) if size > MAX_FILE_BYTES => {
            return Err(io::Error::other(format!("larger than {MAX_FILE_BYTES} bytes")));
        }
        Some(_) => Some(std::fs::read(place)?),
    };
    let kind = if body.is_some() { EntryKind::File } else { EntryKind::Directory };
    let size = body.as_ref().map(|body| body.len() as u64);
    Ok(Item { entry: Entry { path, kind, size, modified: None, version: None }, body })
}

#[cfg(test)]
mod tests {
    use connector_host::JobError;

    use super::*;
    use crate::fake::FakeDestination;

    fn folder(paths: &[&str]) -> tempfile::TempDir {
        let scratch = tempfile::tempdir().unwrap();
        for path in paths {
            let place = scratch.path().join(path);
            std::fs::create_dir_all(place.parent().unwrap()).unwrap();
            std::fs::write(place, path).unwrap();
        }
        scratch
    }

    /// Runs a restore; returns its summary, what was said about paths, and its end.
    async fn restore(
        destination: &FakeDestination,
        folder: &Path,
    ) -> (RestoreSummary, Vec<String>, Result<(), RestoreError>) {
        let mut said = Vec::new();
        let (summary, result) = restore_folder(destination, folder, &mut |event| match event {
            RestoreEvent::Done { path, outcome: Outcome::Failed(error) } => {
                said.push(format!("{path}: {}", error.message()));
            }
            RestoreEvent::Omitted { path, message } => said.push(format!("{path}: {message}")),
            _ => {}
        })
        .await;
        (summary, said, result)
    }

    #[tokio::test]
    async fn directories_come_before_their_files_and_everything_in_order() {
        let scratch = folder(&["b/two", "b/.hidden", "a/one", ".mirror.jsonl", "b/c/three"]);
        let every = ["/a", "/a/one", "/b", "/b/.hidden", "/b/c", "/b/c/three", "/b/two"];
        let destination = FakeDestination::new(&every.map(|path| (path, Outcome::Created)));
        let (summary, said, result) = restore(&destination, scratch.path()).await;
        result.unwrap();
        assert_eq!(destination.paths(), every);
        assert_eq!((summary.created, summary.failed, said.len()), (7, 0, 0));
        let bodies: Vec<_> =
            destination.written.lock().unwrap().iter().map(|item| item.body.clone()).collect();
        assert_eq!((bodies[0].as_deref(), bodies[1].as_deref()), (None, Some(&b"a/one"[..])));
    }

    #[tokio::test]
    async fn links_and_hidden_folders_are_named_as_left_out() {
        let scratch = folder(&["a/one", ".git/config"]);
        #[cfg(unix)]
        std::os::unix::fs::symlink("one", scratch.path().join("a/link")).unwrap();
        let destination = FakeDestination::new(&[("/a", Outcome::Unchanged), ("/a/one", Outcome::Unchanged)]);
        let (_, said, result) = restore(&destination, scratch.path()).await;
        result.unwrap();
        assert_eq!(destination.paths(), ["/a", "/a/one"]);
        let left_out = |path| format!("{path}: neither a file nor a folder of the backup");
        assert_eq!(said.first(), Some(&left_out("/.git")));
        #[cfg(unix)]
        assert_eq!(said, [left_out("/.git"), left_out("/a/link")]);
    }

    #[tokio::test]
    async fn one_file_can_be_restored_alone() {
        let scratch = folder(&["one"]);
        let destination = FakeDestination::new(&[("/one", Outcome::Updated)]);
        let (summary, _, result) = restore(&destination, &scratch.path().join("one")).await;
        result.unwrap();
        assert_eq!((summary.updated, destination.paths()), (1, vec!["/one".to_owned()]));
    }

    #[tokio::test]
    async fn an_item_without_a_report_has_failed() {
        let scratch = folder(&["one", "two"]);
        let destination = FakeDestination::new(&[("/one", Outcome::Skipped("there".to_owned()))]);
        let (summary, said, result) = restore(&destination, scratch.path()).await;
        result.unwrap();
        assert_eq!((summary.skipped, summary.failed), (1, 1));
        assert_eq!(said, ["/two: the connector did not report what it did"]);
    }

    #[tokio::test]
    async fn an_error_that_ends_the_run_is_the_result() {
        let scratch = folder(&["one", "two"]);
        let mut destination = FakeDestination::new(&[("/one", Outcome::Created)]);
        destination.end = Err(Error::Unreachable("gone".to_owned()).into());
        let (summary, said, result) = restore(&destination, scratch.path()).await;
        assert!(matches!(result, Err(RestoreError::Destination(JobError::Connector(Error::Unreachable(_))))));
        assert_eq!((summary.created, summary.failed, said.len()), (1, 0, 0));
    }

    #[tokio::test]
    async fn a_folder_with_nothing_to_restore_is_an_error() {
        let destination = FakeDestination::new(&[]);
        let scratch = folder(&[".mirror.jsonl"]);
        let (_, _, result) = restore(&destination, scratch.path()).await;
        assert!(matches!(result, Err(RestoreError::Empty(_))));
        let (_, _, result) = restore(&destination, &scratch.path().join("missing")).await;
        assert!(matches!(result, Err(RestoreError::Folder { .. })));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_file_that_is_gone_when_it_is_read_fails_alone() {
        let item = ListedItem { place: "/nowhere/file".into(), path: "/file".to_owned(), size: Some(1) };
        assert!(read(item).is_err());
        let large = ListedItem {
            place: "/dev/null".into(),
            path: "/large".to_owned(),
            size: Some(MAX_FILE_BYTES + 1),
        };
        assert!(read(large).unwrap_err().to_string().starts_with("larger than"));
    }
}
