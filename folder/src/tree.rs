//! The files of a backup folder: safe paths, and writing that a kill at any point cannot spoil.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use connector_host::types::Datetime;
use serde::{Deserialize, Serialize};

/// Files that are being written. Programs that read the folder never see one of them as a file of the backup.
const PARTIAL: &str = ".mirror.partial-";

/// A file as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KnownFile {
    /// Version that the source gave the file. Without one, the file is read again.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) version: Option<String>,
    /// Bytes.
    pub(crate) size: u64,
    /// Nanoseconds since 1970, as the file system keeps them.
    pub(crate) mtime: u64,
}

/// Returns true for names that this crate keeps for itself: the index and files that are being written.
pub(crate) fn is_own_name(name: &str) -> bool {
    name.starts_with(".mirror.")
}

/// Returns the place of a connector's path within `folder`, or none if it would be anywhere else: connectors are not
/// trusted with the names of files.
pub(crate) fn place(folder: &Path, path: &str) -> Option<PathBuf> {
    let relative = path.strip_prefix('/')?;
    let is_safe = |segment: &str| {
        !matches!(segment, "" | "." | "..")
            && segment.len() <= 255
            && !segment.contains('\\')
            && !segment.chars().any(char::is_control)
    };
    (!is_own_name(relative) && relative.split('/').all(is_safe)).then(|| folder.join(relative))
}

/// Returns true if the file at `place` is still the one that was written.
pub(crate) fn is_untouched(place: &Path, known: &KnownFile) -> bool {
    fs::symlink_metadata(place).is_ok_and(|now| {
        now.is_file()
            && now.len() == known.size
            && now.modified().is_ok_and(|time| nanoseconds(time) == known.mtime)
    })
}

/// Writes a file under another name and renames it when it is complete. The disk may have it later.
pub(crate) fn write(
    folder: &Path,
    place: &Path,
    bytes: &[u8],
    modified: Option<Datetime>,
    version: Option<String>,
) -> io::Result<KnownFile> {
    let partial = folder.join(format!("{PARTIAL}{}", std::process::id()));
    let mut file = fs::File::create(&partial)?;
    file.write_all(bytes)?;
    if let Some(time) = modified.and_then(system_time) {
        // A time that the file system cannot keep is not worth failing for.
        file.set_modified(time).ok();
    }
    let mtime = nanoseconds(file.metadata()?.modified()?);
    drop(file);
    fs::rename(&partial, place)?;
    Ok(KnownFile { version, size: bytes.len() as u64, mtime })
}

/// Removes unfinished files of runs that were killed.
pub(crate) fn clean(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(PARTIAL) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Converts a connector's time; none for those before 1970 and those that the system cannot express.
fn system_time(time: Datetime) -> Option<SystemTime> {
    let seconds = Duration::from_secs(u64::try_from(time.seconds).ok()?);
    UNIX_EPOCH.checked_add(seconds)?.checked_add(Duration::from_nanos(time.nanoseconds.into()))
}

fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_the_folder() {
        let folder = Path::new("/backup");
        assert_eq!(place(folder, "/work/a b.txt"), Some(PathBuf::from("/backup/work/a b.txt")));
        assert_eq!(place(folder, "/work/.hidden"), Some(PathBuf::from("/backup/work/.hidden")));
        for bad in [
            "work",
            "/",
            "/../etc/passwd",
            "/a/../../b",
            "/a//b",
            "/./a",
            "/a/\0",
            "/a\\b",
            "/a\nb",
            "/.mirror.jsonl",
        ] {
            assert_eq!(place(folder, bad), None, "{bad:?}");
        }
        assert_eq!(place(folder, &format!("/{}", "x".repeat(256))), None);
    }

    #[test]
    fn a_written_file_is_untouched_until_its_size_or_time_differs() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("file");
        let modified = Some(Datetime { seconds: 1_000_000_000, nanoseconds: 0 });
        let known = write(folder.path(), &place, b"content", modified, None).unwrap();
        assert_eq!((known.size, known.mtime), (7, 1_000_000_000_000_000_000));
        assert!(is_untouched(&place, &known));
        fs::write(&place, "contenu").unwrap();
        assert!(!is_untouched(&place, &known), "another time");
        write(folder.path(), &place, b"more content", modified, None).unwrap();
        assert!(!is_untouched(&place, &known), "another size");
        fs::remove_file(&place).unwrap();
        assert!(!is_untouched(&place, &known));
    }

    #[test]
    fn no_time_of_a_connector_is_too_much() {
        assert_eq!(
            system_time(Datetime { seconds: 1, nanoseconds: 5 }),
            Some(UNIX_EPOCH + Duration::new(1, 5))
        );
        for seconds in [i64::MIN, -1, i64::MAX] {
            assert_eq!(system_time(Datetime { seconds, nanoseconds: u32::MAX }), None, "{seconds}");
        }
    }

    #[test]
    fn unfinished_files_are_removed_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".mirror.partial-1", ".mirror.jsonl", "file"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        clean(folder.path()).unwrap();
        let left = |name: &str| folder.path().join(name).exists();
        assert!(!left(".mirror.partial-1") && left(".mirror.jsonl") && left("file"));
    }
}
