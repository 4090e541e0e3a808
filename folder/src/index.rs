//! What a folder holds and which version of it: a file of JSON lines beside the files themselves. Lines
//! are appended as files come in, so a run that is killed loses nothing of it; the last line of a path
//! wins; a line that was cut off is passed over, and its file is fetched again.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use connector_host::bindings::Identity;
use serde::{Deserialize, Serialize};

use crate::error::BackupError;
use crate::tree::KnownFile;

/// The name of the index in the folder.
pub(crate) const NAME: &str = ".mirror.jsonl";
const FORMAT: u32 = 1;

/// The first line.
#[derive(Serialize, Deserialize)]
struct IndexHead {
    format: u32,
    kind: String,
    origin: String,
    root: String,
}

/// Any other line: a path, and what is known of it; nothing when it is gone.
#[derive(Serialize, Deserialize)]
struct IndexLine {
    path: String,
    #[serde(flatten)]
    known: Option<KnownFile>,
}

/// The index, and the file it is kept in.
pub(crate) struct Index {
    path: PathBuf,
    head: IndexHead,
    out: BufWriter<File>,
    pub(crate) files: BTreeMap<String, KnownFile>,
    /// Keeps other runs out of the folder.
    _lock: File,
}

impl Index {
    /// The index of `folder`, made if the folder is new or empty.
    pub(crate) fn open(folder: &Path, identity: &Identity) -> Result<Self, BackupError> {
        let io = |error| BackupError::folder(folder, error);
        std::fs::create_dir_all(folder).map_err(io)?;
        let lock = File::open(folder).map_err(io)?;
        // Released when the run ends, also by a kill. Some file systems have no locks.
        if let Err(TryLockError::WouldBlock) = lock.try_lock() {
            return Err(BackupError::InUse(folder.display().to_string()));
        }
        let path = folder.join(NAME);
        let head = IndexHead {
            format: FORMAT,
            kind: identity.kind.clone(),
            origin: identity.origin.clone(),
            root: identity.root.clone(),
        };
        let files = match File::open(&path) {
            Ok(file) => load(file, &head, folder)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if std::fs::read_dir(folder).map_err(io)?.next().is_some() {
                    return Err(BackupError::NotABackup(folder.display().to_string()));
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
    pub(crate) fn add(&mut self, path: String, known: KnownFile) -> std::io::Result<()> {
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

    fn append(&mut self, path: &str, known: Option<&KnownFile>) -> std::io::Result<()> {
        line(&mut self.out, &IndexLine { path: path.to_owned(), known: known.cloned() })
    }
}

fn line(out: &mut impl Write, value: &impl Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

fn load(file: File, head: &IndexHead, folder: &Path) -> Result<BTreeMap<String, KnownFile>, BackupError> {
    let mut lines = BufReader::new(file).split(b'\n').map_while(Result::ok);
    let found: IndexHead = lines
        .next()
        .and_then(|first| serde_json::from_slice(&first).ok())
        .filter(|found: &IndexHead| found.format == FORMAT)
        .ok_or_else(|| BackupError::Index(folder.join(NAME).display().to_string()))?;
    if (&found.kind, &found.origin, &found.root) != (&head.kind, &head.origin, &head.root) {
        return Err(BackupError::OtherSource { folder: folder.display().to_string(), origin: found.origin });
    }
    let mut files = BTreeMap::new();
    for text in lines {
        let Ok(IndexLine { path, known }) = serde_json::from_slice(&text) else { continue };
        match known {
            Some(known) => files.insert(path, known),
            None => files.remove(&path),
        };
    }
    Ok(files)
}

/// Replaces the index in one step, and leaves it open for more lines.
fn rewrite(
    path: &Path,
    head: &IndexHead,
    files: &BTreeMap<String, KnownFile>,
) -> std::io::Result<BufWriter<File>> {
    let partial = path.with_extension("jsonl.new");
    let file = OpenOptions::new().create(true).write(true).truncate(true).open(&partial)?;
    let mut out = BufWriter::new(file);
    line(&mut out, head)?;
    for (path, known) in files {
        line(&mut out, &IndexLine { path: path.clone(), known: Some(known.clone()) })?;
    }
    out.flush()?;
    std::fs::rename(&partial, path)?;
    Ok(out)
}
