//! The files of a mirror: safe paths, and writing that a kill at any point cannot spoil.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use connector_host::bindings::Datetime;

use crate::index::{self, Known};

/// Files that are being written; never seen by those who read the mirror.
const PARTIAL: &str = ".mirror.partial-";

/// A path of a connector within `folder`. None if it would lead anywhere else: connectors are not
/// trusted with the names of files.
pub(crate) fn place(folder: &Path, path: &str) -> Option<PathBuf> {
    let relative = path.strip_prefix('/')?;
    let safe = |segment: &str| {
        !matches!(segment, "" | "." | "..")
            && segment.len() <= 255
            && !segment.contains(['\\', '\0'])
            && !segment.chars().any(char::is_control)
    };
    let own = relative.starts_with(".mirror.");
    (!own && relative.split('/').all(safe)).then(|| folder.join(relative))
}

/// Whether the file at `place` is still the one that was written.
pub(crate) fn is_untouched(place: &Path, known: &Known) -> bool {
    fs::symlink_metadata(place).is_ok_and(|now| {
        now.is_file()
            && now.len() == known.size
            && now.modified().is_ok_and(|time| index::nanoseconds(time) == known.mtime)
    })
}

/// Writes a file under another name and puts it in its place when it is whole.
pub(crate) fn write(
    folder: &Path,
    place: &Path,
    bytes: &[u8],
    modified: Option<Datetime>,
    version: Option<String>,
) -> io::Result<Known> {
    let partial = folder.join(format!("{PARTIAL}{}", std::process::id()));
    let mut file = fs::File::create(&partial)?;
    file.write_all(bytes)?;
    let time = modified
        .and_then(|m| Some(UNIX_EPOCH + Duration::new(u64::try_from(m.seconds).ok()?, m.nanoseconds)));
    if let Some(time) = time {
        // A time that the file system cannot keep is not worth failing for.
        file.set_modified(time).ok();
    }
    let mtime = index::nanoseconds(file.metadata()?.modified()?);
    drop(file);
    fs::rename(&partial, place)?;
    Ok(Known { version, size: bytes.len() as u64, mtime })
}

/// Removes what earlier runs left behind when they were killed.
pub(crate) fn clean(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(PARTIAL) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_the_folder() {
        let folder = Path::new("/backup");
        assert_eq!(place(folder, "/work/a b.ics"), Some(PathBuf::from("/backup/work/a b.ics")));
        assert_eq!(place(folder, "/work/.caldav.json"), Some(PathBuf::from("/backup/work/.caldav.json")));
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
}
