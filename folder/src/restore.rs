//! Gives what a folder holds to a destination: directories before what is in them, files in order, and a few
//! at a time, so that memory does not grow with the folder.

use std::path::{Path, PathBuf};

use connector_host::api::{Destination, LARGEST};
use connector_host::bindings::{Entry, EntryKind, Error, Item, Outcome, WriteItem};
use futures::channel::mpsc;
use futures::{SinkExt, StreamExt};

/// Bytes of files that are handed over at once, and their number.
const CHUNK_BYTES: u64 = 1 << 20;
const CHUNK: usize = 32;

/// What happens on the way.
#[derive(Debug)]
pub enum Event<'a> {
    /// So many files there are.
    Found(u64),
    /// One of them, or a directory, has come to an end.
    Done {
        /// Its path.
        path: &'a str,
        /// What became of it.
        outcome: &'a Outcome,
    },
    /// A remark.
    Notice {
        /// What it is about.
        path: Option<&'a str>,
        /// The remark.
        message: &'a str,
    },
    /// Something in the folder is left out on purpose.
    Omitted {
        /// Its path.
        path: &'a str,
        /// The reason.
        message: &'a str,
    },
    /// In a dry run: something that only the destination has.
    Extra {
        /// Its path.
        path: &'a str,
    },
}

/// What a run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Items that were not there before.
    pub created: u64,
    /// Items that had another content.
    pub updated: u64,
    /// Items that were there.
    pub unchanged: u64,
    /// Items that were left as they are.
    pub skipped: u64,
    /// Items that failed.
    pub failed: u64,
}

/// Why a folder cannot be given away.
#[derive(Debug, thiserror::Error)]
pub enum SpreadError {
    /// It is not there, or cannot be read.
    #[error("{path}: {error}")]
    Folder {
        /// Where.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// There is nothing in it.
    #[error("{0}: there is nothing in it to restore")]
    Empty(String),
    /// The destination.
    #[error("{}", .0.message())]
    Destination(Error),
}

/// Something in the folder: its path there and in the snapshot; no size for a directory.
struct Found {
    place: PathBuf,
    path: String,
    size: Option<u64>,
}

/// Gives everything in `folder`, or the file that it is, to `exporter`.
pub async fn spread(
    exporter: &dyn Destination,
    folder: &Path,
    observe: &mut (dyn FnMut(Event<'_>) + Send),
) -> (Summary, Result<(), SpreadError>) {
    let mut summary = Summary::default();
    let (found, left_out) = match find(folder) {
        Ok((found, _)) if found.is_empty() => {
            return (summary, Err(SpreadError::Empty(folder.display().to_string())));
        }
        Ok(found) => found,
        Err(error) => return (summary, Err(error)),
    };
    for path in &left_out {
        observe(Event::Omitted { path, message: "neither a file nor a folder of the backup" });
    }
    observe(Event::Found(found.iter().filter(|found| found.size.is_some()).count() as u64));
    let writing = exporter.write();
    let (failures, unread) = mpsc::unbounded();
    let give = give(found, writing.items, failures);
    let mut reports = futures::stream::select(writing.reports, unread);
    let take = async {
        while let Some(reports) = reports.next().await {
            for report in reports {
                match &report {
                    WriteItem::Done((path, outcome)) => {
                        summary.count(outcome);
                        observe(Event::Done { path, outcome });
                    }
                    WriteItem::Notice(notice) => {
                        observe(Event::Notice { path: notice.path.as_deref(), message: &notice.message });
                    }
                    WriteItem::Extra(path) => observe(Event::Extra { path }),
                }
            }
        }
    };
    futures::join!(give, take);
    (summary, writing.end.await.map_err(SpreadError::Destination))
}

impl Summary {
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

/// Everything below `folder`, sorted: a directory comes before what is in it. And the paths of what is left
/// out: links, which are not followed, and folders that programs keep for themselves, such as `.git`.
fn find(folder: &Path) -> Result<(Vec<Found>, Vec<String>), SpreadError> {
    let failed = |place: &Path, error| SpreadError::Folder { path: place.display().to_string(), error };
    let about = std::fs::metadata(folder).map_err(|error| failed(folder, error))?;
    if about.is_file() {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let path = format!("/{name}");
        return Ok((vec![Found { place: folder.to_owned(), path, size: Some(about.len()) }], Vec::new()));
    }
    let (mut found, mut left_out) = (Vec::new(), Vec::new());
    let mut folders = vec![(folder.to_owned(), String::new())];
    while let Some((at, path)) = folders.pop() {
        for entry in std::fs::read_dir(&at).map_err(|error| failed(&at, error))? {
            let entry = entry.map_err(|error| failed(&at, error))?;
            let (place, about) = (entry.path(), entry.metadata().map_err(|error| failed(&at, error))?);
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{path}/{name}");
            if about.is_dir() && !name.starts_with('.') {
                folders.push((place.clone(), path.clone()));
                found.push(Found { place, path, size: None });
            } else if about.is_file() && !name.starts_with(".mirror.") {
                found.push(Found { place, path, size: Some(about.len()) });
            } else if !about.is_file() {
                left_out.push(path);
            }
        }
    }
    found.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok((found, left_out))
}

/// Reads the files and hands them over, until nobody takes them any more.
async fn give(
    found: Vec<Found>,
    mut items: mpsc::Sender<Vec<Item>>,
    failures: mpsc::UnboundedSender<Vec<WriteItem>>,
) {
    let (mut chunk, mut bytes) = (Vec::new(), 0);
    for one in found {
        bytes += one.size.unwrap_or_default();
        let path = one.path.clone();
        let read = tokio::task::spawn_blocking(move || read(&one)).await;
        match read.map_err(std::io::Error::other).and_then(|read| read) {
            Ok(item) => chunk.push(item),
            Err(error) => {
                let outcome = Outcome::Failed(Error::Other(format!("it cannot be read: {error}.")));
                failures.unbounded_send(vec![WriteItem::Done((path, outcome))]).ok();
            }
        }
        if chunk.len() >= CHUNK || bytes >= CHUNK_BYTES {
            bytes = 0;
            if items.send(std::mem::take(&mut chunk)).await.is_err() {
                return;
            }
        }
    }
    items.send(chunk).await.ok();
}

fn read(found: &Found) -> std::io::Result<Item> {
    let body = match found.size {
        None => None,
        Some(size) if size > LARGEST => {
            return Err(std::io::Error::other(format!("it has more than {LARGEST} bytes")));
        }
        Some(_) => Some(std::fs::read(&found.place)?),
    };
    let kind = if body.is_some() { EntryKind::File } else { EntryKind::Directory };
    let size = body.as_ref().map(|body| body.len() as u64);
    let entry = Entry { path: found.path.clone(), kind, size, modified: None, version: None };
    Ok(Item { entry, body })
}
