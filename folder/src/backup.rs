//! Making a folder equal to what a source holds: only what changed is read, every file is replaced in one step, and a
//! file is removed only when a complete listing no longer has it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use connector_host::JobError;
use connector_host::api::{PathSender, ReadSession, Source};
use connector_host::types::{Content, Datetime, Entry, EntryKind, Error, ScanItem};

use crate::error::BackupError;
use crate::index::Index;
use crate::tree::{self, KnownFile};

/// Progress of a backup.
#[derive(Debug)]
#[non_exhaustive]
pub enum BackupEvent<'a> {
    /// More of the source is listed.
    Listed {
        /// Files listed so far.
        files: u64,
        /// How many of them are new or have changed.
        wanted: u64,
    },
    /// The listing has ended: there will be no more files.
    ListingDone,
    /// A file was written, or would be written in a dry run.
    Written {
        /// Path in the source.
        path: &'a str,
        /// Size in bytes; 0 in a dry run.
        size: u64,
        /// Whether the folder had no such file before.
        new: bool,
    },
    /// A file that the source no longer has was removed, or would be removed in a dry run.
    Removed {
        /// Path in the source.
        path: &'a str,
    },
    /// The connector, or the backup itself, has something to tell.
    Notice {
        /// Entry concerned.
        path: Option<&'a str>,
        /// Text for people.
        message: &'a str,
    },
    /// Something was left out on purpose.
    Omitted {
        /// Entry that is missing or incomplete because of it, if there is one.
        path: Option<&'a str>,
        /// Text for people, with the reason.
        message: &'a str,
    },
    /// An entry could not be listed or read. The folder keeps what it had.
    Failed {
        /// Path in the source.
        path: &'a str,
        /// Reason.
        error: &'a Error,
    },
}

/// Figures of a backup.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackupSummary {
    /// Files that the folder did not have.
    pub new: u64,
    /// Files that the folder had with another content.
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

/// Makes `folder` equal to what `source` lists. In a dry run, only reports what would be done; the folder and its index
/// are created in any case.
///
/// The summary counts what was done, also if the run ended with an error. A run that ends for any reason but a kill has
/// waited for the disk: what it counts as written survives a power cut.
///
/// # Errors
///
/// The folder belongs to something else, cannot be written or is in use; or the source failed as a whole or was
/// cancelled. Single entries that fail are events. Nothing is removed from the folder after an error.
pub async fn backup_to_folder(
    source: &dyn Source,
    folder: &Path,
    dry_run: bool,
    observe: &mut (dyn FnMut(BackupEvent<'_>) + Send),
) -> (BackupSummary, Result<(), BackupError>) {
    let prepared = Index::open(folder, source.identity()).and_then(|index| {
        tree::clean(folder).map_err(|error| BackupError::folder(folder, error))?;
        Ok(index)
    });
    let index = match prepared {
        Ok(index) => index,
        Err(error) => return (BackupSummary::default(), Err(error)),
    };
    let mut run = BackupRun {
        folder: folder.to_owned(),
        dry_run,
        index,
        wanted: BTreeMap::new(),
        seen: BTreeSet::new(),
        unknown: Vec::new(),
        summary: BackupSummary::default(),
        files: 0,
        observe,
    };
    let result = run.transfer(source).await;
    let BackupRun { index, summary, .. } = run;
    // A slow disk must not hold up other work of this thread.
    let finished = tokio::task::spawn_blocking(|| index.finish()).await;
    let finished = finished.map_err(std::io::Error::other).and_then(std::convert::identity);
    (summary, result.and(finished.map_err(|error| BackupError::folder(folder, error))))
}

/// A file that is being read.
struct WantedFile {
    version: Option<String>,
    modified: Option<Datetime>,
}

/// State of a run.
struct BackupRun<'a> {
    folder: PathBuf,
    dry_run: bool,
    index: Index,
    wanted: BTreeMap<String, WantedFile>,
    /// Paths of files that were listed.
    seen: BTreeSet<String>,
    /// Paths that could not be listed, with everything below them.
    unknown: Vec<String>,
    summary: BackupSummary,
    files: u64,
    observe: &'a mut (dyn FnMut(BackupEvent<'_>) + Send),
}

impl BackupRun<'_> {
    async fn transfer(&mut self, source: &dyn Source) -> Result<(), BackupError> {
        let mut items = source.scan();
        let ReadSession { paths, mut contents } = source.read_all();
        let mut paths = Some(paths);
        let mut waiting = Vec::new();
        let mut scanning = true;
        // Listing, reading and writing go on at once: files that are known to be wanted are read while the rest is
        // still being listed.
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
                // No more paths: the contents end when all have come.
                paths = None;
            }
        }
        (self.observe)(BackupEvent::ListingDone);
        if scanning {
            return Err(BackupError::Source(items.finish().await.err().unwrap_or_else(interrupted)));
        }
        items.finish().await.map_err(BackupError::Source)?;
        contents.finish().await.map_err(BackupError::Source)?;
        if source.is_cancelled() || !self.wanted.is_empty() {
            return Err(BackupError::Source(interrupted()));
        }
        self.remove_unlisted()
    }

    /// Compares what was listed with the index; returns the paths to read.
    fn compare(&mut self, items: Vec<ScanItem>) -> Result<Vec<String>, BackupError> {
        let mut wanted = Vec::new();
        for item in items {
            match item {
                ScanItem::Entry(entry) => wanted.extend(self.compare_entry(entry)?),
                ScanItem::Notice(notice) => {
                    let (path, message) = (notice.path.as_deref(), &notice.message);
                    (self.observe)(BackupEvent::Notice { path, message });
                }
                ScanItem::Omitted(omission) => {
                    let (path, message) = (omission.path.as_deref(), &omission.message);
                    (self.observe)(BackupEvent::Omitted { path, message });
                }
                ScanItem::Failed(failure) => {
                    self.fail(&failure.path, &failure.error);
                    self.unknown.push(failure.path);
                }
            }
        }
        (self.observe)(BackupEvent::Listed {
            files: self.files,
            wanted: self.summary.new + self.summary.changed + self.wanted.len() as u64,
        });
        if self.dry_run {
            for path in wanted.drain(..) {
                self.wanted.remove(&path);
                self.count_written(&path, 0);
            }
        }
        Ok(wanted)
    }

    fn compare_entry(&mut self, entry: Entry) -> Result<Option<String>, BackupError> {
        let Entry { path, kind, modified, version, .. } = entry;
        if kind == EntryKind::Directory && path == "/" {
            return Ok(None);
        }
        let Some(place) = tree::place(&self.folder, &path) else {
            self.fail(&path, &Error::Protocol("the connector returned an unsafe path".to_owned()));
            return Ok(None);
        };
        if kind == EntryKind::Directory {
            if !self.dry_run {
                std::fs::create_dir_all(&place).map_err(|error| BackupError::folder(&place, error))?;
            }
            return Ok(None);
        }
        self.files += 1;
        if !self.seen.insert(path.clone()) {
            self.fail(&path, &Error::Protocol("the connector listed this path twice".to_owned()));
            return Ok(None);
        }
        let is_same = |known: &KnownFile| known.version.is_some() && known.version == version;
        let known = self.index.files.get(&path);
        if known.is_some_and(|known| is_same(known) && tree::is_untouched(&place, known)) {
            self.summary.unchanged += 1;
            return Ok(None);
        }
        self.wanted.insert(path.clone(), WantedFile { version, modified });
        Ok(Some(path))
    }

    /// Writes the files that were read.
    fn write(&mut self, contents: Vec<Content>) -> Result<(), BackupError> {
        for Content { path, body } in contents {
            // Contents that were not asked for are dropped.
            let Some(WantedFile { version, modified }) = self.wanted.remove(&path) else { continue };
            let bytes = match body {
                Ok(bytes) => bytes,
                // Every other file would fail with the same error: it is reported once, as the end of the run.
                Err(error) if error.ends_run() => return Err(BackupError::Source(error.into())),
                Err(error) => {
                    self.fail(&path, &error);
                    continue;
                }
            };
            let Some(place) = tree::place(&self.folder, &path) else { continue };
            let known = tree::write(&self.folder, &place, &bytes, modified, version)
                .map_err(|error| BackupError::folder(&place, error))?;
            self.summary.bytes += known.size;
            self.count_written(&path, known.size);
            self.note(|index| index.add(path, known))?;
        }
        self.note(Index::flush)
    }

    /// Removes the files of the backup that a complete listing does not have.
    fn remove_unlisted(&mut self) -> Result<(), BackupError> {
        let is_unlisted = |path: &String| {
            !self.seen.contains(path) && !self.unknown.iter().any(|unknown| is_below(path, unknown))
        };
        let unlisted: Vec<(String, KnownFile)> = self
            .index
            .files
            .iter()
            .filter(|(path, _)| is_unlisted(path))
            .map(|(path, known)| (path.clone(), known.clone()))
            .collect();
        for (path, known) in unlisted {
            let Some(place) = tree::place(&self.folder, &path) else { continue };
            if place.exists() && !tree::is_untouched(&place, &known) {
                let message = "no longer in the source; the file stays, because it is not as it was written";
                (self.observe)(BackupEvent::Notice { path: Some(&path), message });
            } else {
                self.remove(&path, &place)?;
            }
            if !self.dry_run {
                self.note(|index| index.remove(&path))?;
            }
        }
        Ok(())
    }

    /// Removes a file, and its directory if that is empty then.
    fn remove(&mut self, path: &str, place: &Path) -> Result<(), BackupError> {
        (self.observe)(BackupEvent::Removed { path });
        self.summary.removed += 1;
        if self.dry_run {
            return Ok(());
        }
        if place.exists() {
            std::fs::remove_file(place).map_err(|error| BackupError::folder(place, error))?;
        }
        if let Some(directory) = place.parent().filter(|directory| *directory != self.folder) {
            std::fs::remove_dir(directory).ok();
        }
        Ok(())
    }

    fn count_written(&mut self, path: &str, size: u64) {
        let new = !self.index.files.contains_key(path);
        *(if new { &mut self.summary.new } else { &mut self.summary.changed }) += 1;
        (self.observe)(BackupEvent::Written { path, size, new });
    }

    fn fail(&mut self, path: &str, error: &Error) {
        self.summary.failed += 1;
        (self.observe)(BackupEvent::Failed { path, error });
    }

    fn note(&mut self, change: impl FnOnce(&mut Index) -> std::io::Result<()>) -> Result<(), BackupError> {
        change(&mut self.index).map_err(|error| BackupError::folder(&self.folder, error))
    }
}

/// Asks for the waiting paths. If the job no longer takes them, the contents have ended, too, and the caller sees that.
async fn forward(paths: &mut Option<PathSender>, waiting: &mut Vec<String>) {
    let Some(sender) = paths else { return waiting.clear() };
    // The caller drops this future when something else is ready first. Waiting for room before sending loses nothing.
    if sender.ready().await.is_ok() {
        sender.send_now(std::mem::take(waiting)).ok();
    } else {
        waiting.clear();
    }
}

fn is_below(path: &str, directory: &str) -> bool {
    directory == "/"
        || path == directory
        || path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

fn interrupted() -> JobError {
    let message = "Interrupted. Files written so far are complete; run again to continue";
    Error::Cancelled(message.to_owned()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::FakeSource;

    /// Runs a backup; returns its summary, the paths that failed or are notices, and its end.
    async fn back_up(
        source: &FakeSource,
        folder: &Path,
    ) -> (BackupSummary, Vec<String>, Result<(), BackupError>) {
        let mut said = Vec::new();
        let (summary, result) = backup_to_folder(source, folder, false, &mut |event| match event {
            BackupEvent::Failed { path, error } => said.push(format!("{path}: {}", error.message())),
            BackupEvent::Notice { path, message } => said.push(format!("{path:?}: {message}")),
            _ => {}
        })
        .await;
        (summary, said, result)
    }

    /// Contents of the folder's files, without the index.
    fn files(folder: &Path) -> Vec<(String, String)> {
        let mut files = Vec::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(at) = folders.pop() {
            for entry in std::fs::read_dir(at).unwrap() {
                let place = entry.unwrap().path();
                let path = place.strip_prefix(folder).unwrap().display().to_string();
                if place.is_dir() {
                    folders.push(place);
                } else if !tree::is_own_name(&path) {
                    files.push((path, std::fs::read_to_string(place).unwrap()));
                }
            }
        }
        files.sort();
        files
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
    }

    /// Makes the index look as if the system had been started again since its last lines were appended.
    fn start_again(folder: &Path) {
        let index = folder.join(".mirror.jsonl");
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        let text = std::fs::read_to_string(&index).unwrap();
        std::fs::write(index, text.replace(boot.trim(), "another boot")).unwrap();
    }

    /// Overwrites a file without changing its time.
    fn overwrite(place: &Path, bytes: &[u8]) {
        let time = std::fs::metadata(place).unwrap().modified().unwrap();
        std::fs::write(place, bytes).unwrap();
        std::fs::File::open(place).unwrap().set_modified(time).unwrap();
    }

    #[tokio::test]
    async fn only_changes_are_read_and_what_is_gone_is_removed() {
        let scratch = tempfile::tempdir().unwrap();
        let first = FakeSource::new().directory("/a").file("/a/one", "1").file("/a/two", "1");
        let (summary, _, result) = back_up(&first, scratch.path()).await;
        result.unwrap();
        assert_eq!((summary.new, summary.bytes), (2, 2));
        let second = FakeSource::new().directory("/a").file("/a/one", "2");
        let (summary, said, result) = back_up(&second, scratch.path()).await;
        result.unwrap();
        assert_eq!(second.take_read(), ["/a/one"]);
        assert_eq!((summary.changed, summary.removed, summary.bytes, said.len()), (1, 1, 1, 0));
        assert_eq!(files(scratch.path()), pairs(&[("a/one", "2")]));
    }

    #[tokio::test]
    async fn a_failure_below_an_unknown_path_keeps_files() {
        let scratch = tempfile::tempdir().unwrap();
        let source =
            FakeSource::new().directory("/a").file("/a/one", "1").directory("/ab").file("/ab/two", "1");
        back_up(&source, scratch.path()).await.2.unwrap();
        let (summary, said, result) = back_up(&FakeSource::new().unknown("/a"), scratch.path()).await;
        result.unwrap();
        assert_eq!((summary.failed, summary.removed), (1, 1));
        assert_eq!(said, ["/a: unknown"]);
        assert_eq!(files(scratch.path()), pairs(&[("a/one", "1")]), "/ab is not below /a");
        back_up(&FakeSource::new().unknown("/"), scratch.path()).await.2.unwrap();
        assert_eq!(files(scratch.path()).len(), 1);
    }

    #[tokio::test]
    async fn a_listing_that_fails_removes_nothing() {
        let scratch = tempfile::tempdir().unwrap();
        back_up(&FakeSource::new().file("/one", "1"), scratch.path()).await.2.unwrap();
        let mut source = FakeSource::new().file("/two", "1");
        source.end = Err(Error::Unreachable("gone".to_owned()).into());
        let (summary, _, result) = back_up(&source, scratch.path()).await;
        assert!(matches!(result, Err(BackupError::Source(JobError::Connector(Error::Unreachable(_))))));
        assert_eq!((summary.new, summary.removed), (1, 0));
        assert_eq!(files(scratch.path()), pairs(&[("one", "1"), ("two", "1")]));
    }

    #[tokio::test]
    async fn a_path_that_is_listed_twice_or_unsafe_fails_alone() {
        let scratch = tempfile::tempdir().unwrap();
        let source = FakeSource::new().file("/one", "1").file("/../two", "1").file("/one", "1");
        let source = source.directory("/..").file("/.mirror.jsonl", "1");
        let (summary, said, result) = back_up(&source, scratch.path()).await;
        result.unwrap();
        assert_eq!(source.take_read(), ["/one"]);
        assert_eq!((summary.new, summary.failed), (1, 4), "{said:?}");
        assert_eq!(files(scratch.path()), pairs(&[("one", "1")]));
        assert!(!scratch.path().with_file_name("two").exists());
    }

    #[tokio::test]
    async fn some_errors_of_a_file_end_the_run() {
        let scratch = tempfile::tempdir().unwrap();
        let source =
            FakeSource::new().file("/one", "1").unreadable("/two", Error::Other("broken".to_owned()));
        let (summary, said, result) = back_up(&source, scratch.path()).await;
        result.unwrap();
        assert_eq!((summary.new, summary.failed, said.as_slice()), (1, 1, &["/two: broken".to_owned()][..]));
        let source = FakeSource::new().unreadable("/two", Error::SignInRefused("locked".to_owned()));
        let (summary, _, result) = back_up(&source, scratch.path()).await;
        assert!(matches!(result, Err(BackupError::Source(JobError::Connector(Error::SignInRefused(_))))));
        assert_eq!((summary.failed, summary.removed), (0, 0));
        assert_eq!(files(scratch.path()), pairs(&[("one", "1")]));
    }

    #[tokio::test]
    async fn a_dry_run_reads_and_writes_nothing() {
        let scratch = tempfile::tempdir().unwrap();
        back_up(&FakeSource::new().file("/one", "1").file("/two", "1"), scratch.path()).await.2.unwrap();
        let source = FakeSource::new().file("/one", "2").file("/three", "1");
        let (summary, result) = backup_to_folder(&source, scratch.path(), true, &mut |_| {}).await;
        result.unwrap();
        assert_eq!((summary.new, summary.changed, summary.removed, summary.bytes), (1, 1, 1, 0));
        assert!(source.take_read().is_empty());
        assert_eq!(files(scratch.path()), pairs(&[("one", "1"), ("two", "1")]));
    }

    #[tokio::test]
    async fn files_that_a_power_cut_may_have_emptied_are_read_again() {
        let scratch = tempfile::tempdir().unwrap();
        let source = FakeSource::new().file("/one", "1").file("/two", "1");
        back_up(&source, scratch.path()).await.2.unwrap();
        // A run writes /two and /three and is killed; then the power fails. Size and time of /two have reached the
        // disk, its content has not; of /three, the disk has an empty file.
        let source = FakeSource::new().file("/one", "1").file("/two", "2").file("/three", "1");
        let mut index = Index::open(scratch.path(), source.identity()).unwrap();
        for (path, version) in [("/two", "2"), ("/three", "1")] {
            let place = tree::place(scratch.path(), path).unwrap();
            let version = Some(version.to_owned());
            let known = tree::write(scratch.path(), &place, b"x", None, version).unwrap();
            index.add(path.to_owned(), known).unwrap();
        }
        drop(index);
        overwrite(&scratch.path().join("two"), b"\0");
        overwrite(&scratch.path().join("three"), b"");
        start_again(scratch.path());
        source.take_read();
        let (summary, _, result) = back_up(&source, scratch.path()).await;
        result.unwrap();
        assert_eq!(source.take_read(), ["/three", "/two"]);
        assert_eq!((summary.new, summary.changed, summary.unchanged), (0, 2, 1));
        assert_eq!(files(scratch.path()), pairs(&[("one", "1"), ("three", "1"), ("two", "2")]));
    }

    #[tokio::test]
    async fn after_a_run_that_ended_nothing_is_read_again() {
        let scratch = tempfile::tempdir().unwrap();
        let source = FakeSource::new().file("/one", "1");
        back_up(&source, scratch.path()).await.2.unwrap();
        start_again(scratch.path());
        source.take_read();
        let (summary, _, result) = back_up(&source, scratch.path()).await;
        result.unwrap();
        assert_eq!((summary.unchanged, source.take_read().len()), (1, 0));
    }

    #[tokio::test]
    async fn a_file_that_was_removed_before_a_power_cut_is_removed_again() {
        let scratch = tempfile::tempdir().unwrap();
        let source = FakeSource::new().file("/one", "1").file("/two", "1");
        back_up(&source, scratch.path()).await.2.unwrap();
        let mut index = Index::open(scratch.path(), source.identity()).unwrap();
        index.remove("/two").unwrap();
        drop(index);
        // The disk still has it.
        start_again(scratch.path());
        let (summary, said, result) = back_up(&FakeSource::new().file("/one", "1"), scratch.path()).await;
        result.unwrap();
        assert_eq!((summary.removed, said.len()), (1, 0), "{said:?}");
        assert_eq!(files(scratch.path()), pairs(&[("one", "1")]));
    }
}
