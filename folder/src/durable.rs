//! Waiting for the disk, once for everything that a run changed.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Returns when the disk has all changed files of `folder`, given as `changed`, and the directories above them. `handle`
/// is `folder`, open.
#[cfg(target_os = "linux")]
pub(crate) fn sync(handle: &File, _: &Path, _: impl Iterator<Item = PathBuf>) -> io::Result<()> {
    // One call for the whole file system. A call for each file takes many times as long (figures in DESIGN.md).
    Ok(rustix::fs::syncfs(handle)?)
}

/// The same, file by file: other systems have no call that waits for a whole file system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn sync(_: &File, folder: &Path, changed: impl Iterator<Item = PathBuf>) -> io::Result<()> {
    sync_each(folder, changed)
}

#[cfg(any(test, not(target_os = "linux")))]
fn sync_each(folder: &Path, changed: impl Iterator<Item = PathBuf>) -> io::Result<()> {
    let mut directories = std::collections::BTreeSet::from([folder.to_owned()]);
    for place in changed {
        sync_one(&place)?;
        let above = place.ancestors().skip(1).take_while(|above| above.starts_with(folder));
        directories.extend(above.map(Path::to_owned));
    }
    directories.iter().try_for_each(|directory| sync_one(directory))
}

/// A file or directory that was removed needs no more than its parent.
#[cfg(any(test, not(target_os = "linux")))]
fn sync_one(place: &Path) -> io::Result<()> {
    match File::open(place) {
        Ok(file) => file.sync_all(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_directories_and_what_was_removed_can_be_synchronised() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path();
        std::fs::create_dir_all(folder.join("a/b")).unwrap();
        std::fs::write(folder.join("a/b/file"), "x").unwrap();
        let changed = ["a/b/file", "a/removed", "gone/removed"].map(|path| folder.join(path));
        sync_each(folder, changed.iter().cloned()).unwrap();
        sync(&File::open(folder).unwrap(), folder, changed.into_iter()).unwrap();
    }
}
