//! Entries and failures as Plakar's records and statuses, and back.

use std::time::{SystemTime, UNIX_EPOCH};

use connector_host::error::{JobError, printable};
use connector_host::types::{Datetime, Entry, EntryKind, Error};
use prost_types::Timestamp;
use sha2::{Digest, Sha256};
use tonic::{Code, Status};

use crate::protocol::plakar::connectors::{FileInfo, Record};

/// Go's `fs.ModeDir`.
const DIRECTORY: u32 = 1 << 31;
/// Go's `fs.ModeType`: a regular file has none of these bits.
const KINDS: u32 = 0x8f28_0000;
/// Permissions after a restore to a disk: only the owner may read an account's data.
const DIRECTORY_PERMISSIONS: u32 = 0o700;
/// See [`DIRECTORY_PERMISSIONS`].
const FILE_PERMISSIONS: u32 = 0o600;
/// Size of a file whose bytes have to be read to count them.
const UNKNOWN_SIZE: i64 = -1;

/// Returns the record of an entry. Plakar reads a file again when anything in its `FileInfo` differs from the last
/// snapshot's, except a size that is unknown. So everything is the same in every run except `ino`, which stands for the
/// version.
pub(super) fn of_entry(entry: Entry) -> Record {
    let Entry { path, kind, size, modified, version } = entry;
    let (parent, name) = match path.rsplit_once('/') {
        Some((parent, name)) if !name.is_empty() => (parent, name),
        _ => ("", "/"),
    };
    let is_directory = kind == EntryKind::Directory;
    let mode = if is_directory { DIRECTORY | DIRECTORY_PERMISSIONS } else { FILE_PERMISSIONS };
    let size =
        if is_directory { 0 } else { size.map_or(UNKNOWN_SIZE, |size| size.try_into().unwrap_or(i64::MAX)) };
    let info = FileInfo {
        name: name.to_owned(),
        size,
        mode,
        mod_time: Some(timestamp(modified)),
        ino: match version {
            Some(version) => hash(&version),
            None if is_directory => 0,
            // Two runs may differ without a new version: the inode is a new one in every run.
            None => hash(&format!("{:?}", SystemTime::now().duration_since(UNIX_EPOCH))),
        },
        nlink: 1,
        // A file that is restored alone comes without its directory: `StrippedPrefix` takes it from here.
        groupname: if is_directory { String::new() } else { parent.to_owned() },
        ..FileInfo::default()
    };
    Record { has_reader: !is_directory, pathname: path, file_info: Some(info), ..Record::default() }
}

/// Returns the record of a path about which nothing is known.
pub(super) fn of_failure(path: String, error: &Error) -> Record {
    Record { pathname: path, error: sentence(error.message()), ..Record::default() }
}

/// Kind of a record in a restore.
pub(super) enum RecordKind {
    Directory,
    File,
    /// Neither of these, and not restored; described in words.
    Other(&'static str),
}

pub(super) fn kind(record: &Record) -> RecordKind {
    let mode = record.file_info.as_ref().map_or(0, |info| info.mode);
    if record.is_xattr {
        RecordKind::Other("an extended attribute")
    } else if mode & DIRECTORY != 0 {
        RecordKind::Directory
    } else if mode & KINDS != 0 || !record.target.is_empty() {
        RecordKind::Other("a link or a special file")
    } else {
        RecordKind::File
    }
}

/// Path that Plakar strips from the records of a restore: that of the directory or file which the user chose.
/// The name that the record of `/` still has shows it for a directory, and the group name for a file (see
/// [`of_entry`]).
#[derive(Default)]
pub(super) struct StrippedPrefix {
    root: String,
}

impl StrippedPrefix {
    /// Returns the path of a record below the account's root.
    pub(super) fn full_path(&mut self, record: &Record) -> String {
        let (path, info) = (record.pathname.as_str(), record.file_info.as_ref());
        if path == "/" {
            let name = info.map_or("", |info| info.name.as_str());
            if !matches!(name, "" | "/" | "." | "..") && !name.contains('/') {
                self.root = format!("/{name}");
            }
            return if self.root.is_empty() { path.to_owned() } else { self.root.clone() };
        }
        let parent = info.map_or("", |info| info.groupname.as_str());
        let is_alone = self.root.is_empty() && path.rfind('/') == Some(0);
        // Other sources have names of groups there, which contain no slash.
        if is_alone && parent.starts_with('/') {
            return format!("{parent}{path}");
        }
        format!("{}{path}", self.root)
    }
}

/// Returns the time of the last change of a record's file.
pub(super) fn modified(record: &Record) -> Option<Datetime> {
    let time = record.file_info.as_ref()?.mod_time.as_ref()?;
    Some(Datetime { seconds: time.seconds, nanoseconds: u32::try_from(time.nanos).unwrap_or(0) })
}

/// Returns a failure as the status of a call. The code is never `Unavailable` or `Cancelled`: Plakar replaces the message
/// of these with one of its own.
pub(super) fn status(error: &JobError) -> Status {
    let JobError::Connector(error) = error else {
        let code = if let JobError::Origin(_) = error { Code::InvalidArgument } else { Code::Unknown };
        return Status::new(code, sentence(&error.to_string()));
    };
    let code = match error {
        Error::InvalidOptions(_) => Code::InvalidArgument,
        Error::SignInRefused(_) => Code::Unauthenticated,
        Error::Forbidden(_) | Error::Denied(_) | Error::ReadOnly(_) => Code::PermissionDenied,
        Error::NotFound(_) => Code::NotFound,
        Error::RateLimited(_) | Error::QuotaExceeded(_) | Error::TooLarge(_) => Code::ResourceExhausted,
        Error::Unsupported(_) => Code::Unimplemented,
        _ => Code::Unknown,
    };
    Status::new(code, sentence(error.message()))
}

/// Returns a text as one line without control characters: Plakar prints it as it is.
pub(super) fn sentence(text: &str) -> String {
    printable(text).to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn timestamp(time: Option<Datetime>) -> Timestamp {
    let time = time.unwrap_or(Datetime { seconds: 0, nanoseconds: 0 });
    Timestamp { seconds: time.seconds, nanos: i32::try_from(time.nanoseconds).unwrap_or(0) }
}

/// Returns a number that stands for a version.
fn hash(version: &str) -> u64 {
    let digest: [u8; 32] = Sha256::digest(version).into();
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(path: &str, name: &str, group: &str) -> Record {
        let info = FileInfo { name: name.to_owned(), groupname: group.to_owned(), ..FileInfo::default() };
        Record { pathname: path.to_owned(), file_info: Some(info), ..Record::default() }
    }

    fn full_paths(records: &[(&str, &str, &str)]) -> Vec<String> {
        let mut prefix = StrippedPrefix::default();
        records.iter().map(|(path, name, group)| prefix.full_path(&record(path, name, group))).collect()
    }

    #[test]
    fn what_plakar_strips_is_put_back() {
        // A whole snapshot, a calendar, an object.
        assert_eq!(full_paths(&[("/", "/", ""), ("/work/a.ics", "a.ics", "/work")]), ["/", "/work/a.ics"]);
        assert_eq!(full_paths(&[("/", "work", ""), ("/a.ics", "a.ics", "/work")]), ["/work", "/work/a.ics"]);
        assert_eq!(full_paths(&[("/", "/", ""), ("/a.ics", "a.ics", "/work")]), ["/", "/work/a.ics"]);
        // Files of another source, whose groups are groups.
        assert_eq!(full_paths(&[("/", "", ""), ("/a.ics", "a.ics", "staff")]), ["/", "/a.ics"]);
        assert_eq!(full_paths(&[("/", "..", ""), ("/a.ics", "a.ics", "")]), ["/", "/a.ics"]);
    }

    #[test]
    fn a_version_and_nothing_else_makes_the_inode() {
        let entry = |version: Option<&str>| Entry {
            path: "/work/a.ics".to_owned(),
            kind: EntryKind::File,
            size: None,
            modified: None,
            version: version.map(str::to_owned),
        };
        let inode = |version| of_entry(entry(version)).file_info.unwrap().ino;
        assert_eq!(inode(Some("1")), inode(Some("1")));
        assert_ne!(inode(Some("1")), inode(Some("2")));
        assert_ne!(inode(None), inode(None), "without a version nothing is promised");
        assert_eq!(of_entry(entry(None)).file_info.unwrap().size, UNKNOWN_SIZE);
    }

    #[test]
    fn messages_are_one_line_without_control_characters() {
        let error = Error::InvalidOptions("one:\twrong.\n two: \u{1b}[31mred.\n".to_owned());
        assert_eq!(status(&error.into()).message(), "one: wrong. two: [31mred.");
    }

    #[test]
    fn only_files_and_directories_are_restored() {
        let of = |mode: u32| {
            let file_info = Some(FileInfo { mode, ..FileInfo::default() });
            Record { file_info, ..Record::default() }
        };
        assert!(matches!(kind(&of(0o644)), RecordKind::File));
        assert!(matches!(kind(&of(DIRECTORY | 0o755)), RecordKind::Directory));
        // Go's bits for a link, a device, a named pipe, a socket, a character device and what is irregular.
        for bit in [27, 26, 25, 24, 21, 19] {
            assert!(matches!(kind(&of(1 << bit)), RecordKind::Other(_)), "{bit}");
        }
        let link = Record { target: "elsewhere".to_owned(), ..Record::default() };
        assert!(matches!(kind(&link), RecordKind::Other(_)));
        let attribute = Record { is_xattr: true, ..of(DIRECTORY) };
        assert!(matches!(kind(&attribute), RecordKind::Other("an extended attribute")));
    }

    #[test]
    fn no_status_is_one_that_plakar_rewords() {
        for error in [
            JobError::Cancelled,
            JobError::Connector(Error::Cancelled(String::new())),
            JobError::Connector(Error::Unreachable(String::new())),
        ] {
            assert_eq!(status(&error).code(), Code::Unknown, "{error:?}");
        }
    }
}
