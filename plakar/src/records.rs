//! Entries and failures as Plakar's records and statuses.

use std::time::{SystemTime, UNIX_EPOCH};

use connector_host::error::{JobError, printable};
use connector_host::types::{Datetime, Entry, EntryKind, Error};
use prost_types::Timestamp;
use sha2::{Digest, Sha256};
use tonic::{Code, Status};

use crate::protocol::plakar::connectors::{FileInfo, Record};

/// Go's `fs.ModeDir`, and the bits of `fs.ModeType`: a regular file has none of them.
const DIRECTORY: u32 = 1 << 31;
const KINDS: u32 = 0x8f28_0000;
/// What a restore to a disk gives them: calendars are private.
const OF_DIRECTORIES: u32 = 0o700;
const OF_FILES: u32 = 0o600;
/// A size that is not known before the bytes are.
const UNKNOWN_SIZE: i64 = -1;

/// The record of an entry. Plakar reads a file again when anything in its `FileInfo` differs from the last
/// snapshot's, but for a size that is told as unknown. So it is the same in every run, but for `ino`, which stands
/// for the version.
pub(super) fn of_entry(entry: Entry) -> Record {
    let Entry { path, kind, size, modified, version } = entry;
    let (parent, name) = match path.rsplit_once('/') {
        Some((parent, name)) if !name.is_empty() => (parent, name),
        _ => ("", "/"),
    };
    let is_directory = kind == EntryKind::Directory;
    let mode = if is_directory { DIRECTORY | OF_DIRECTORIES } else { OF_FILES };
    let size =
        if is_directory { 0 } else { size.map_or(UNKNOWN_SIZE, |size| size.try_into().unwrap_or(i64::MAX)) };
    let info = FileInfo {
        name: name.to_owned(),
        size,
        mode,
        mod_time: Some(timestamp(modified)),
        ino: match version {
            Some(version) => number(&version),
            None if is_directory => 0,
            // Nothing is promised about it: unlike in any other run.
            None => number(&format!("{:?}", SystemTime::now().duration_since(UNIX_EPOCH))),
        },
        nlink: 1,
        // A file that is restored alone comes without its directory. This is how it finds back.
        groupname: if is_directory { String::new() } else { parent.to_owned() },
        ..FileInfo::default()
    };
    Record { has_reader: !is_directory, pathname: path, file_info: Some(info), ..Record::default() }
}

/// The record of a path of which nothing is known.
pub(super) fn of_failure(path: String, error: &Error) -> Record {
    Record { pathname: path, error: sentence(error.message()), ..Record::default() }
}

/// What a record that is to be restored is.
pub(super) enum Kind {
    Directory,
    File,
    /// What it is, for those that no connector takes.
    Other(&'static str),
}

pub(super) fn kind(record: &Record) -> Kind {
    let mode = record.file_info.as_ref().map_or(0, |info| info.mode);
    if record.is_xattr {
        Kind::Other("an extended attribute")
    } else if mode & DIRECTORY != 0 {
        Kind::Directory
    } else if mode & KINDS != 0 || !record.target.is_empty() {
        Kind::Other("a link or a special file")
    } else {
        Kind::File
    }
}

/// Where things belong that Plakar restores without the directories above them: it strips the path that the
/// user chose. The name that `/` still has, and a file's group name, tell what was stripped.
#[derive(Default)]
pub(super) struct Base {
    root: String,
}

impl Base {
    /// The path of a record below the account's root.
    pub(super) fn place(&mut self, record: &Record) -> String {
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
        // Other sources have names of groups there, which hold no slash.
        if is_alone && parent.starts_with('/') {
            return format!("{parent}{path}");
        }
        format!("{}{path}", self.root)
    }
}

/// When a record's file last changed.
pub(super) fn modified(record: &Record) -> Option<Datetime> {
    let time = record.file_info.as_ref()?.mod_time.as_ref()?;
    Some(Datetime { seconds: time.seconds, nanoseconds: u32::try_from(time.nanos).unwrap_or(0) })
}

/// A failure as the status of a call. Never `Unavailable` or `Cancelled`: Plakar puts words of its own in their place.
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

/// Text as one line without control characters: Plakar prints it as it is.
pub(super) fn sentence(text: &str) -> String {
    printable(text).to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn timestamp(time: Option<Datetime>) -> Timestamp {
    let time = time.unwrap_or(Datetime { seconds: 0, nanoseconds: 0 });
    Timestamp { seconds: time.seconds, nanos: i32::try_from(time.nanoseconds).unwrap_or(0) }
}

/// A version as a number.
fn number(version: &str) -> u64 {
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

    fn places(records: &[(&str, &str, &str)]) -> Vec<String> {
        let mut base = Base::default();
        records.iter().map(|(path, name, group)| base.place(&record(path, name, group))).collect()
    }

    #[test]
    fn what_plakar_strips_is_put_back() {
        // A whole snapshot, a calendar, an object.
        assert_eq!(places(&[("/", "/", ""), ("/work/a.ics", "a.ics", "/work")]), ["/", "/work/a.ics"]);
        assert_eq!(places(&[("/", "work", ""), ("/a.ics", "a.ics", "/work")]), ["/work", "/work/a.ics"]);
        assert_eq!(places(&[("/", "/", ""), ("/a.ics", "a.ics", "/work")]), ["/", "/work/a.ics"]);
        // Files of another source, whose groups are groups.
        assert_eq!(places(&[("/", "", ""), ("/a.ics", "a.ics", "staff")]), ["/", "/a.ics"]);
        assert_eq!(places(&[("/", "..", ""), ("/a.ics", "a.ics", "")]), ["/", "/a.ics"]);
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
}
