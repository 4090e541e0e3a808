//! A snapshot as a tar stream, for hosts that give the component nothing but standard output.

use std::io;
use std::time::Duration;

use tar::{Builder, EntryType, Header};

/// Makes the pieces of a tar stream, one entry at a time.
pub struct Archive(Builder<Vec<u8>>);

impl Default for Archive {
    fn default() -> Self {
        Self(Builder::new(Vec::new()))
    }
}

impl Archive {
    /// The bytes of a directory's entry.
    pub fn directory(&mut self, path: &str) -> io::Result<Vec<u8>> {
        self.entry(EntryType::Directory, &format!("{path}/"), None, &[])
    }

    /// The bytes of a file's entry.
    pub fn file(&mut self, path: &str, modified: Option<Duration>, bytes: &[u8]) -> io::Result<Vec<u8>> {
        self.entry(EntryType::Regular, path, modified, bytes)
    }

    /// The bytes that end the stream. Without them, readers say that it was cut off.
    pub fn end(mut self) -> io::Result<Vec<u8>> {
        self.0.finish()?;
        Ok(std::mem::take(self.0.get_mut()))
    }

    fn entry(
        &mut self,
        kind: EntryType,
        path: &str,
        modified: Option<Duration>,
        bytes: &[u8],
    ) -> io::Result<Vec<u8>> {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(if kind == EntryType::Directory { 0o755 } else { 0o644 });
        header.set_size(bytes.len() as u64);
        header.set_mtime(modified.unwrap_or_default().as_secs());
        let path = path.trim_start_matches('/');
        self.0.append_data(&mut header, if path.is_empty() { "./" } else { path }, bytes)?;
        Ok(std::mem::take(self.0.get_mut()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn long_names_and_bytes_survive() {
        let mut archive = Archive::default();
        let long = format!("/work/{}.ics", "é".repeat(98));
        let mut bytes = archive.directory("/work").unwrap();
        bytes.extend(archive.file(&long, Some(Duration::from_secs(7)), b"x\r\n").unwrap());
        bytes.extend(archive.end().unwrap());
        let mut reader = tar::Archive::new(bytes.as_slice());
        let read: Vec<_> = reader
            .entries()
            .unwrap()
            .map(|entry| {
                let mut entry = entry.unwrap();
                let mut text = String::new();
                entry.read_to_string(&mut text).unwrap();
                (entry.path().unwrap().to_string_lossy().into_owned(), entry.header().mtime().unwrap(), text)
            })
            .collect();
        assert_eq!(
            read,
            [("work/".to_owned(), 0, String::new()), (long[1..].to_owned(), 7, "x\r\n".to_owned())]
        );
    }
}
