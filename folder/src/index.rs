//! Index of a backup folder: the version of every file, as JSON lines in a file beside the files.
//!
//! A run appends a line for each file that it writes or removes, so that a killed run loses nothing. The last line of a
//! path counts; a line that was cut off is passed over, and its file is read again.
//!
//! Appended lines carry the id of the system's current boot. They are true as long as the system runs, because it has
//! what the killed run wrote, but a power cut may have kept the line and lost the file. So a line with the id of another
//! boot does not count as a version: its file is read again. [`Index::finish`] waits for the disk and then writes the
//! index again without ids. Lines without an id, as earlier versions wrote them, count.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use connector_host::types::Identity;
use serde::{Deserialize, Serialize};

use crate::durable;
use crate::error::BackupError;
use crate::tree::{self, KnownFile};

/// Name of the index in the folder.
const NAME: &str = ".mirror.jsonl";
const FORMAT: u32 = 1;

/// First line: whose backup it is.
#[derive(Serialize, Deserialize)]
struct IndexHead {
    format: u32,
    kind: String,
    origin: String,
    root: String,
}

/// Any other line: a path and its file; no file if it was removed.
#[derive(Serialize, Deserialize)]
struct IndexLine {
    path: String,
    #[serde(flatten)]
    known: Option<KnownFile>,
    /// Boot in which the line was appended, until the disk is known to have the file.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    boot: Option<String>,
}

/// The index, open for more lines, and the folder, locked.
pub(crate) struct Index {
    folder: PathBuf,
    /// The folder, open: its lock keeps other runs out.
    handle: File,
    head: IndexHead,
    out: BufWriter<File>,
    boot: String,
    pub(crate) files: BTreeMap<String, KnownFile>,
    /// Paths that were written or removed since the disk was known to have everything.
    unsynced: BTreeSet<String>,
}

impl Index {
    /// Opens the index of `folder`, or creates both if the folder is new or empty.
    pub(crate) fn open(folder: &Path, identity: &Identity) -> Result<Self, BackupError> {
        let io = |error| BackupError::folder(folder, error);
        std::fs::create_dir_all(folder).map_err(io)?;
        let handle = lock(folder)?;
        let head = IndexHead {
            format: FORMAT,
            kind: identity.kind.clone(),
            origin: identity.origin.clone(),
            root: identity.root.clone(),
        };
        let boot = boot_id();
        let content = match File::open(folder.join(NAME)) {
            Ok(file) => IndexContent::load(file, &head, boot.as_deref(), folder)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                refuse_files_of_others(folder)?;
                IndexContent::default()
            }
            Err(error) => return Err(io(error)),
        };
        let IndexContent { files, unsynced, is_clean } = content;
        if !unsynced.is_empty() {
            // An earlier run of this boot was killed.
            durable::sync(&handle, folder, places(folder, &unsynced)).map_err(io)?;
        }
        if !is_clean {
            store(folder, &handle, &head, &files).map_err(io)?;
        }
        let out = OpenOptions::new().append(true).open(folder.join(NAME)).map_err(io)?;
        // Where there is no id, no line is taken over from a run that was killed.
        let boot = boot.unwrap_or_else(|| "unknown".to_owned());
        let (folder, out) = (folder.to_owned(), BufWriter::new(out));
        Ok(Self { folder, handle, head, out, boot, files, unsynced: BTreeSet::new() })
    }

    /// Notes that a file was written.
    pub(crate) fn add(&mut self, path: String, known: KnownFile) -> io::Result<()> {
        self.append(&path, Some(&known))?;
        self.files.insert(path, known);
        Ok(())
    }

    /// Notes that a file was removed.
    pub(crate) fn remove(&mut self, path: &str) -> io::Result<()> {
        self.append(path, None)?;
        self.files.remove(path);
        Ok(())
    }

    /// Hands the lines so far to the system, which keeps them if this process is killed.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Waits until the disk has every change of this run, and writes that down. Blocks for as long as the disk takes;
    /// returns at once if nothing was changed.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        if self.unsynced.is_empty() {
            return Ok(());
        }
        self.out.flush()?;
        let synced = durable::sync(&self.handle, &self.folder, places(&self.folder, &self.unsynced));
        if synced.is_err() {
            // Linux reports a failed write once and then takes the lost data for written: the next run must not rely
            // on its own sync.
            for path in &self.unsynced {
                distrust(&mut self.files, path);
            }
        }
        let stored = store(&self.folder, &self.handle, &self.head, &self.files);
        synced.and(stored)
    }

    fn append(&mut self, path: &str, known: Option<&KnownFile>) -> io::Result<()> {
        self.unsynced.insert(path.to_owned());
        let (path, known, boot) = (path.to_owned(), known.cloned(), Some(self.boot.clone()));
        write_line(&mut self.out, &IndexLine { path, known, boot })
    }
}

/// Content of the index file.
#[derive(Default)]
struct IndexContent {
    files: BTreeMap<String, KnownFile>,
    /// Paths of lines that were appended in this boot by a run that did not end.
    unsynced: BTreeSet<String>,
    /// Whether the file is as [`store`] writes it.
    is_clean: bool,
}

impl IndexContent {
    fn load(file: File, head: &IndexHead, boot: Option<&str>, folder: &Path) -> Result<Self, BackupError> {
        let mut lines = BufReader::new(file).split(b'\n').map_while(Result::ok);
        let found: IndexHead = lines
            .next()
            .and_then(|first| serde_json::from_slice(&first).ok())
            .filter(|found: &IndexHead| found.format == FORMAT)
            .ok_or_else(|| BackupError::Index(folder.join(NAME).display().to_string()))?;
        if (&found.kind, &found.origin, &found.root) != (&head.kind, &head.origin, &head.root) {
            let folder = folder.display().to_string();
            return Err(BackupError::OtherSource { folder, origin: found.origin });
        }
        let mut content = Self { is_clean: true, ..Self::default() };
        for text in lines {
            match serde_json::from_slice(&text) {
                Ok(line) => content.apply(line, boot),
                Err(_) => content.is_clean = false,
            }
        }
        Ok(content)
    }

    fn apply(&mut self, line: IndexLine, boot: Option<&str>) {
        let IndexLine { path, known, boot: appended } = line;
        let is_trusted = appended.is_none() || appended.as_deref() == boot;
        self.is_clean &= appended.is_none();
        if appended.is_some() && is_trusted {
            self.unsynced.insert(path.clone());
        }
        match known {
            Some(known) => drop(self.files.insert(path.clone(), known)),
            None if is_trusted => drop(self.files.remove(&path)),
            // The file may be there again.
            None => {}
        }
        if !is_trusted {
            distrust(&mut self.files, &path);
        }
    }
}

/// Makes the next run read the file again. The file is still known as one of the backup, which may remove it.
fn distrust(files: &mut BTreeMap<String, KnownFile>, path: &str) {
    if let Some(known) = files.get_mut(path) {
        known.version = None;
    }
}

/// Locks the folder until the handle is closed, also by a kill. Some file systems have no locks.
fn lock(folder: &Path) -> Result<File, BackupError> {
    let handle = File::open(folder).map_err(|error| BackupError::folder(folder, error))?;
    match handle.try_lock() {
        Err(TryLockError::WouldBlock) => Err(BackupError::InUse(folder.display().to_string())),
        _ => Ok(handle),
    }
}

fn refuse_files_of_others(folder: &Path) -> Result<(), BackupError> {
    let io = |error| BackupError::folder(folder, error);
    for entry in std::fs::read_dir(folder).map_err(io)? {
        // A run that was killed at its very beginning leaves an unfinished index.
        if !tree::is_own_name(&entry.map_err(io)?.file_name().to_string_lossy()) {
            return Err(BackupError::NotABackup(folder.display().to_string()));
        }
    }
    Ok(())
}

fn places<'a>(folder: &'a Path, paths: &'a BTreeSet<String>) -> impl Iterator<Item = PathBuf> + 'a {
    paths.iter().filter_map(|path| tree::place(folder, path))
}

/// Replaces the index in one step that a power cut leaves done or undone.
fn store(
    folder: &Path,
    handle: &File,
    head: &IndexHead,
    files: &BTreeMap<String, KnownFile>,
) -> io::Result<()> {
    let path = folder.join(NAME);
    let partial = path.with_extension("jsonl.new");
    let mut out = BufWriter::new(File::create(&partial)?);
    write_line(&mut out, head)?;
    for (path, known) in files {
        write_line(&mut out, &IndexLine { path: path.clone(), known: Some(known.clone()), boot: None })?;
    }
    out.into_inner()?.sync_all()?;
    std::fs::rename(&partial, path)?;
    // Some file systems cannot do this. The index that was there before is right, too, only less useful.
    handle.sync_all().ok();
    Ok(())
}

fn write_line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

/// Returns the id that Linux makes at every start of the system.
fn boot_id() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned()).filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(origin: &str) -> Identity {
        Identity { kind: "test".to_owned(), origin: origin.to_owned(), root: "/".to_owned() }
    }

    fn open(folder: &Path) -> Result<Index, BackupError> {
        Index::open(folder, &identity("alice"))
    }

    fn known(version: &str) -> KnownFile {
        KnownFile { version: Some(version.to_owned()), size: 1, mtime: 1 }
    }

    fn text(folder: &Path) -> String {
        std::fs::read_to_string(folder.join(NAME)).unwrap()
    }

    /// Versions by path; "-" for a file that is to be read again.
    fn versions(folder: &Path) -> Vec<(String, String)> {
        let index = open(folder).unwrap();
        let version = |known: KnownFile| known.version.unwrap_or_else(|| "-".to_owned());
        index.files.clone().into_iter().map(|(path, known)| (path, version(known))).collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(path, version)| ((*path).to_owned(), (*version).to_owned())).collect()
    }

    /// A folder with an ended run that wrote `/a`, `/b` and `/c`, and a killed one that changed `/b`, removed `/c` and
    /// added `/d`.
    fn killed() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let mut index = open(folder.path()).unwrap();
        for path in ["/a", "/b", "/c"] {
            index.add(path.to_owned(), known("1")).unwrap();
        }
        index.finish().unwrap();
        let mut index = open(folder.path()).unwrap();
        index.add("/b".to_owned(), known("2")).unwrap();
        index.remove("/c").unwrap();
        index.add("/d".to_owned(), known("2")).unwrap();
        index.flush().unwrap();
        folder
    }

    #[test]
    fn an_ended_run_leaves_no_boot_id_and_all_versions() {
        let folder = tempfile::tempdir().unwrap();
        let mut index = open(folder.path()).unwrap();
        index.add("/a".to_owned(), known("1")).unwrap();
        index.flush().unwrap();
        assert!(text(folder.path()).contains("\"boot\""));
        index.finish().unwrap();
        assert!(!text(folder.path()).contains("\"boot\""));
        assert_eq!(versions(folder.path()), pairs(&[("/a", "1")]));
    }

    #[test]
    fn a_killed_run_loses_nothing_in_the_same_boot() {
        let folder = killed();
        assert_eq!(versions(folder.path()), pairs(&[("/a", "1"), ("/b", "2"), ("/d", "2")]));
        assert!(!text(folder.path()).contains("\"boot\""), "it was synchronised when it was opened");
    }

    #[test]
    fn lines_of_another_boot_are_no_versions() {
        let folder = killed();
        let other = text(folder.path()).replace(&boot_id().unwrap(), "another boot");
        std::fs::write(folder.path().join(NAME), other).unwrap();
        let expected = pairs(&[("/a", "1"), ("/b", "-"), ("/c", "-"), ("/d", "-")]);
        assert_eq!(versions(folder.path()), expected);
        assert_eq!(versions(folder.path()), expected, "that is written down");
    }

    #[test]
    fn lines_count_only_where_the_boot_is_known() {
        let head = IndexHead { format: 1, kind: String::new(), origin: String::new(), root: String::new() };
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("index");
        let mut file = File::create(&path).unwrap();
        write_line(&mut file, &head).unwrap();
        for (path, boot) in [("/old", None), ("/unknown", Some("unknown".to_owned()))] {
            let path = path.to_owned();
            write_line(&mut file, &IndexLine { path, known: Some(known("1")), boot }).unwrap();
        }
        let content = IndexContent::load(File::open(&path).unwrap(), &head, None, scratch.path()).unwrap();
        assert_eq!(content.files["/old"].version.as_deref(), Some("1"));
        assert_eq!(content.files["/unknown"].version, None);
    }

    #[test]
    fn nothing_changed_means_nothing_written() {
        let folder = killed();
        drop(open(folder.path()).unwrap());
        let about = |name: &str| std::fs::metadata(folder.path().join(name)).unwrap().modified().unwrap();
        let before = about(NAME);
        open(folder.path()).unwrap().finish().unwrap();
        assert_eq!(about(NAME), before);
    }

    #[test]
    fn a_line_that_was_cut_off_is_passed_over() {
        let folder = killed();
        let whole = text(folder.path());
        std::fs::write(folder.path().join(NAME), &whole[..whole.len() - 10]).unwrap();
        assert_eq!(versions(folder.path()), pairs(&[("/a", "1"), ("/b", "2")]));
        let mut index = open(folder.path()).unwrap();
        index.add("/e".to_owned(), known("1")).unwrap();
        drop(index);
        assert_eq!(versions(folder.path()), pairs(&[("/a", "1"), ("/b", "2"), ("/e", "1")]));
    }

    #[test]
    fn folders_of_others_are_refused() {
        let folder = killed();
        let held = open(folder.path()).unwrap();
        assert!(matches!(open(folder.path()), Err(BackupError::InUse(_))));
        drop(held);
        let other = Index::open(folder.path(), &identity("bob"));
        assert!(matches!(other, Err(BackupError::OtherSource { origin, .. }) if origin == "alice"));
        std::fs::write(folder.path().join(NAME), "").unwrap();
        assert!(matches!(open(folder.path()), Err(BackupError::Index(_))));
        std::fs::remove_file(folder.path().join(NAME)).unwrap();
        std::fs::write(folder.path().join(".mirror.jsonl.new"), "").unwrap();
        assert!(open(folder.path()).is_ok(), "a run that was killed at its beginning");
        std::fs::remove_file(folder.path().join(NAME)).unwrap();
        std::fs::write(folder.path().join("thesis.txt"), "").unwrap();
        assert!(matches!(open(folder.path()), Err(BackupError::NotABackup(_))));
    }
}
