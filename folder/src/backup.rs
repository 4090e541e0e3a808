//! Makes a folder equal to what a source holds, and keeps it so: only what changed is read, every file
//! is replaced in one step, and a file is removed only when a complete listing no longer has it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use connector_host::api::Source;
use connector_host::bindings::{Content, Datetime, Entry, EntryKind, Error, ScanItem};
use futures::StreamExt;
use futures::channel::mpsc;

use crate::index::{Index, Known};
use crate::tree;

/// What happens on the way.
#[derive(Debug)]
pub enum Event<'a> {
    /// So many files are listed by now, and so many of them have to be read.
    Listed {
        /// All of them.
        files: u64,
        /// Those that are new or have changed.
        wanted: u64,
    },
    /// The listing has ended: there will be no more files.
    ListingDone,
    /// A file was written.
    Written {
        /// Its path.
        path: &'a str,
        /// Its size in bytes.
        size: u64,
        /// Whether there was none before.
        new: bool,
    },
    /// A file is no longer on the other side and was removed.
    Removed {
        /// Its path.
        path: &'a str,
    },
    /// A remark.
    Notice {
        /// What it is about.
        path: Option<&'a str>,
        /// The remark.
        message: &'a str,
    },
    /// Something was left out on purpose.
    Omitted {
        /// The entry that is missing or incomplete because of it, if there is one.
        path: Option<&'a str>,
        /// What was left out, and why.
        message: &'a str,
    },
    /// Something could not be done. What the folder had of it stays.
    Failed {
        /// Its path.
        path: &'a str,
        /// Why.
        error: &'a Error,
    },
}

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files that were not there before.
    pub new: u64,
    /// Files that were there with another content.
    pub changed: u64,
    /// Files that were not read, because their version is the same.
    pub unchanged: u64,
    /// Files that were removed.
    pub removed: u64,
    /// Paths that failed.
    pub failed: u64,
    /// Bytes written.
    pub bytes: u64,
}

/// Why a folder cannot be mirrored into.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// There are files in it, and none of ours.
    #[error("{0} is not empty and holds no backup. Choose an empty folder, or one of an earlier run")]
    NotABackup(String),
    /// It belongs to another account.
    #[error(
        "{folder} holds the backup of {origin}. Choose another folder for another account or another choice of what to back up"
    )]
    OtherSource {
        /// The folder.
        folder: String,
        /// Whose backup it is.
        origin: String,
    },
    /// Another run is writing to it.
    #[error("{0} is in use by another run. Wait for it to end")]
    InUse(String),
    /// The index is not one that this program writes.
    #[error("{0} cannot be read: it is damaged or of a newer version. Move the folder away to begin anew")]
    Index(String),
    /// The file system.
    #[error("{path}: {error}")]
    Folder {
        /// Where.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// The source.
    #[error("{}", .0.message())]
    Source(Error),
}

impl MirrorError {
    pub(crate) fn folder(path: &Path, error: std::io::Error) -> Self {
        Self::Folder { path: path.display().to_string(), error }
    }
}

/// A run.
struct Run<'a> {
    folder: PathBuf,
    dry: bool,
    index: Index,
    /// What is being read: its version and time.
    wanted: BTreeMap<String, (Option<String>, Option<Datetime>)>,
    /// What the listing has.
    seen: BTreeSet<String>,
    /// Paths that nothing is known about.
    unknown: Vec<String>,
    summary: Summary,
    files: u64,
    observe: &'a mut (dyn FnMut(Event<'_>) + Send),
}

/// Makes `folder` equal to what `importer` lists; with `dry`, only tells what would be done. The summary
/// is of what was done, also when it ends with an error.
pub async fn mirror(
    importer: &dyn Source,
    folder: &Path,
    dry: bool,
    observe: &mut (dyn FnMut(Event<'_>) + Send),
) -> (Summary, Result<(), MirrorError>) {
    let prepared = Index::open(folder, importer.identity()).and_then(|index| {
        tree::clean(folder).map_err(|error| MirrorError::folder(folder, error))?;
        Ok(index)
    });
    let index = match prepared {
        Ok(index) => index,
        Err(error) => return (Summary::default(), Err(error)),
    };
    let mut run = Run {
        folder: folder.to_owned(),
        dry,
        index,
        wanted: BTreeMap::new(),
        seen: BTreeSet::new(),
        unknown: Vec::new(),
        summary: Summary::default(),
        files: 0,
        observe,
    };
    let result = run.go(importer).await;
    let summary = run.summary.clone();
    let finished = run.index.finish().map_err(|error| MirrorError::folder(folder, error));
    (summary, result.and(finished))
}

impl Run<'_> {
    async fn go(&mut self, importer: &dyn Source) -> Result<(), MirrorError> {
        let (mut items, listed) = importer.scan();
        let (paths, mut contents) = importer.read_all();
        let mut paths = Some(paths);
        let mut waiting = Vec::new();
        let mut scanning = true;
        // Listing, reading and writing go on at once: what is known to be wanted is sent for while
        // the rest is still being listed.
        loop {
            tokio::select! {
                biased;
                ready = contents.next() => match ready {
                    Some(ready) => self.write(ready)?,
                    None => break,
                },
                more = items.next(), if scanning && waiting.is_empty() => match more {
                    Some(more) => waiting = self.compare(more)?,
                    None => scanning = false,
                },
                () = forward(&mut paths, &mut waiting), if !waiting.is_empty() => {}
            }
            if !scanning && waiting.is_empty() {
                // No more paths: the answers end when all are there.
                paths = None;
            }
        }
        (self.observe)(Event::ListingDone);
        if scanning {
            return Err(MirrorError::Source(listed.await.err().unwrap_or_else(stopped)));
        }
        listed.await.map_err(MirrorError::Source)?;
        if importer.is_cancelled() || !self.wanted.is_empty() && !self.dry {
            return Err(MirrorError::Source(stopped()));
        }
        self.remove_the_rest()
    }

    /// Looks at what was listed; gives back the paths that have to be read.
    fn compare(&mut self, items: Vec<ScanItem>) -> Result<Vec<String>, MirrorError> {
        let mut wanted = Vec::new();
        for item in items {
            match item {
                ScanItem::Entry(entry) => wanted.extend(self.compare_entry(entry)?),
                ScanItem::Notice(notice) => {
                    (self.observe)(Event::Notice { path: notice.path.as_deref(), message: &notice.message });
                }
                ScanItem::Omitted(omission) => {
                    let (path, message) = (omission.path.as_deref(), &omission.message);
                    (self.observe)(Event::Omitted { path, message });
                }
                ScanItem::Failed(failure) => {
                    self.fail(&failure.path, &failure.error);
                    self.unknown.push(failure.path);
                }
            }
        }
        (self.observe)(Event::Listed {
            files: self.files,
            wanted: self.summary.new + self.summary.changed + self.wanted.len() as u64,
        });
        if self.dry {
            for path in wanted.drain(..) {
                self.wanted.remove(&path);
                let new = !self.index.files.contains_key(&path);
                self.count(new);
                (self.observe)(Event::Written { path: &path, size: 0, new });
            }
        }
        Ok(wanted)
    }

    fn compare_entry(&mut self, entry: Entry) -> Result<Option<String>, MirrorError> {
        let Entry { path, kind, modified, version, .. } = entry;
        if kind == EntryKind::Directory && path == "/" {
            return Ok(None);
        }
        let Some(place) = tree::place(&self.folder, &path) else {
            self.fail(&path, &Error::Protocol("The connector gave a path that no file may have.".to_owned()));
            return Ok(None);
        };
        if kind == EntryKind::Directory {
            if !self.dry {
                std::fs::create_dir_all(&place).map_err(|error| MirrorError::folder(&place, error))?;
            }
            return Ok(None);
        }
        self.files += 1;
        if !self.seen.insert(path.clone()) {
            self.fail(&path, &Error::Protocol("The connector lists this path twice.".to_owned()));
            return Ok(None);
        }
        let known = self.index.files.get(&path);
        if known.is_some_and(|known| {
            known.version.is_some() && known.version == version && tree::is_untouched(&place, known)
        }) {
            self.summary.unchanged += 1;
            return Ok(None);
        }
        self.wanted.insert(path.clone(), (version, modified));
        Ok(Some(path))
    }

    /// Writes what was read.
    fn write(&mut self, contents: Vec<Content>) -> Result<(), MirrorError> {
        for Content { path, body } in contents {
            // Something that was not asked for.
            let Some((version, modified)) = self.wanted.remove(&path) else { continue };
            let bytes = match body {
                Ok(bytes) => bytes,
                // The same for every other file: the run is over, and says so once.
                Err(error) if error.ends_run() => return Err(MirrorError::Source(error)),
                Err(error) => {
                    self.fail(&path, &error);
                    continue;
                }
            };
            let Some(place) = tree::place(&self.folder, &path) else { continue };
            let known = tree::write(&self.folder, &place, &bytes, modified, version)
                .map_err(|error| MirrorError::folder(&place, error))?;
            let new = !self.index.files.contains_key(&path);
            self.count(new);
            self.summary.bytes += known.size;
            (self.observe)(Event::Written { path: &path, size: known.size, new });
            self.note(|index| index.add(path, known))?;
        }
        self.note(Index::flush)
    }

    /// Removes files of ours that a complete listing does not have.
    fn remove_the_rest(&mut self) -> Result<(), MirrorError> {
        let gone: Vec<(String, Known)> = self
            .index
            .files
            .iter()
            .filter(|(path, _)| {
                !self.seen.contains(*path) && !self.unknown.iter().any(|unknown| is_below(path, unknown))
            })
            .map(|(path, known)| (path.clone(), known.clone()))
            .collect();
        for (path, known) in gone {
            let Some(place) = tree::place(&self.folder, &path) else { continue };
            if !tree::is_untouched(&place, &known) && place.exists() {
                (self.observe)(Event::Notice {
                    path: Some(&path),
                    message: "no longer on the server; the file stays, because it was changed here",
                });
            } else {
                (self.observe)(Event::Removed { path: &path });
                self.summary.removed += 1;
                if self.dry {
                    continue;
                }
                if place.exists() {
                    std::fs::remove_file(&place).map_err(|error| MirrorError::folder(&place, error))?;
                }
                // The directory too, if that was the last of it.
                if let Some(directory) = place.parent().filter(|directory| *directory != self.folder) {
                    std::fs::remove_dir(directory).ok();
                }
            }
            if !self.dry {
                self.note(|index| index.remove(&path))?;
            }
        }
        Ok(())
    }

    fn count(&mut self, new: bool) {
        *(if new { &mut self.summary.new } else { &mut self.summary.changed }) += 1;
    }

    fn fail(&mut self, path: &str, error: &Error) {
        self.summary.failed += 1;
        (self.observe)(Event::Failed { path, error });
    }

    fn note(&mut self, change: impl FnOnce(&mut Index) -> std::io::Result<()>) -> Result<(), MirrorError> {
        change(&mut self.index).map_err(|error| MirrorError::folder(&self.folder, error))
    }
}

/// Sends the paths on. When nobody takes them, the answers have ended too, and that is noticed there.
async fn forward(paths: &mut Option<mpsc::Sender<Vec<String>>>, waiting: &mut Vec<String>) {
    let Some(sender) = paths else { return waiting.clear() };
    // Cancelled when something else is ready first: nothing may be lost then, so room comes first.
    if futures::future::poll_fn(|cx| sender.poll_ready(cx)).await.is_ok() {
        sender.start_send(std::mem::take(waiting)).ok();
    } else {
        waiting.clear();
    }
}

fn is_below(path: &str, directory: &str) -> bool {
    directory == "/"
        || path == directory
        || path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

fn stopped() -> Error {
    Error::Cancelled(
        "Stopped before everything was read; what is there is whole, and the next run goes on from it."
            .to_owned(),
    )
}
