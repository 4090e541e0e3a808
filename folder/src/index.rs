//! What a folder holds and which version of it: a file of JSON lines beside the files themselves. Lines
//! are appended as files come in, so a run that is killed loses nothing of it; the last line of a path
//! wins; a line that was cut off is passed over, and its file is fetched again.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use connector_host::bindings::Identity;
use serde::{Deserialize, Serialize};

use crate::backup::MirrorError;

/// The name of the index in the folder.
pub(crate) const NAME: &str = ".mirror.jsonl";
const FORMAT: u32 = 1;

/// The first line.
#[derive(Serialize, Deserialize)]
struct Head {
    format: u32,
    kind: String,
    origin: String,
    root: String,
}

/// A file as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) version: Option<String>,
    pub(crate) size: u64,
    /// Nanoseconds since 1970, as the file system keeps it.
    pub(crate) mtime: u64,
}

/// Any other line: a path, and what is known of it; nothing when it is gone.
#[derive(Serialize, Deserialize)]
struct Line {
    path: String,
    #[serde(flatten)]
    known: Option<Known>,
}

/// The index, and the file it is kept in.
pub(crate) struct Index {
    path: PathBuf,
    head: Head,
    out: BufWriter<File>,
    pub(crate) files: BTreeMap<String, Known>,
    /// Keeps other runs out of the folder.
    _lock: File,
}

impl Index {
    /// The index of `folder`, made if the folder is new or empty.
    pub(crate) fn open(folder: &Path, identity: &Identity) -> Result<Self, MirrorError> {
        let io = |error| MirrorError::folder(folder, error);
        std::fs::create_dir_all(folder).map_err(io)?;
        let lock = File::open(folder).map_err(io)?;
        // Released when the run ends, also by a kill. Some file systems have no locks.
        if let Err(TryLockError::WouldBlock) = lock.try_lock() {
            return Err(MirrorError::InUse(folder.display().to_string()));
        }
        let path = folder.join(NAME);
        let head = Head {
            format: FORMAT,
            kind: identity.kind.clone(),
            origin: identity.origin.clone(),
            root: identity.root.clone(),
        };
        let files = match File::open(&path) {
            Ok(file) => load(file, &head, folder)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if std::fs::read_dir(folder).map_err(io)?.next().is_some() {
                    return Err(MirrorError::NotABackup(folder.display().to_string()));
                }
                BTreeMap::new()
            }
            Err(error) => return Err(io(error)),
        };
        // Rewritten at the start as at the end: the file is whole from here on.
        let out = rewrite(&path, &head, &files).map_err(io)?;
        Ok(Self { path, head, out, files, _lock: lock })
    }

    /// Notes that a file was written.
    pub(crate) fn add(&mut self, path: String, known: Known) -> std::io::Result<()> {
        self.append(&path, Some(&known))?;
        self.files.insert(path, known);
        Ok(())
    }

    /// Notes that a file is gone.
    pub(crate) fn remove(&mut self, path: &str) -> std::io::Result<()> {
        self.append(path, None)?;
        self.files.remove(path);
        Ok(())
    }

    /// Hands the lines so far to the system.
    pub(crate) fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }

    /// Writes the index anew, with one line for each file.
    pub(crate) fn finish(mut self) -> std::io::Result<()> {
        self.out.flush()?;
        rewrite(&self.path, &self.head, &self.files)?.flush()
    }

    fn append(&mut self, path: &str, known: Option<&Known>) -> std::io::Result<()> {
        line(&mut self.out, &Line { path: path.to_owned(), known: known.cloned() })
    }
}

fn line(out: &mut impl Write, value: &impl Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

fn load(file: File, head: &Head, folder: &Path) -> Result<BTreeMap<String, Known>, MirrorError> {
    let mut lines = BufReader::new(file).split(b'\n').map_while(Result::ok);
    let found: Head = lines
        .next()
        .and_then(|first| serde_json::from_slice(&first).ok())
        .filter(|found: &Head| found.format == FORMAT)
        .ok_or_else(|| MirrorError::Index(folder.join(NAME).display().to_string()))?;
    if (&found.kind, &found.origin, &found.root) != (&head.kind, &head.origin, &head.root) {
        return Err(MirrorError::OtherSource { folder: folder.display().to_string(), origin: found.origin });
    }
    let mut files = BTreeMap::new();
    for text in lines {
        let Ok(Line { path, known }) = serde_json::from_slice(&text) else { continue };
        match known {
            Some(known) => files.insert(path, known),
            None => files.remove(&path),
        };
    }
    Ok(files)
}

/// Replaces the index in one step, and leaves it open for more lines.
fn rewrite(path: &Path, head: &Head, files: &BTreeMap<String, Known>) -> std::io::Result<BufWriter<File>> {
    let partial = path.with_extension("jsonl.new");
    let file = OpenOptions::new().create(true).write(true).truncate(true).open(&partial)?;
    let mut out = BufWriter::new(file);
    line(&mut out, head)?;
    for (path, known) in files {
        line(&mut out, &Line { path: path.clone(), known: Some(known.clone()) })?;
    }
    out.flush()?;
    std::fs::rename(&partial, path)?;
    Ok(out)
}

/// A time as `Known` keeps it.
pub(crate) fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
