//! A snapshot as a tar stream (POSIX ustar, with GNU's extension for long names), for hosts that give
//! the component nothing but standard output. Written out here because it is a header and padding: the
//! library for it would be a thirtieth of the component.

// A component that only backs up reads no archive.
#![cfg_attr(not(feature = "restore"), allow(dead_code))]

use std::io::{self, Read};
use std::time::Duration;

/// Everything in a tar stream is a multiple of this.
const BLOCK: usize = 512;
/// The longest name a header holds. Longer ones come in an entry of their own.
const NAME: usize = 100;

/// End of the stream. Without it, readers report that it was cut off.
pub(crate) const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// The bytes of a directory's entry.
pub(crate) fn directory(path: &str) -> Vec<u8> {
    let path = path.trim_start_matches('/');
    entry(b'5', &[if path.is_empty() { "." } else { path }, "/"].concat(), None, &[])
}

/// The bytes of a file's entry.
pub(crate) fn file(path: &str, modified: Option<Duration>, bytes: &[u8]) -> Vec<u8> {
    entry(b'0', path.trim_start_matches('/'), modified, bytes)
}

fn entry(kind: u8, path: &str, modified: Option<Duration>, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 4 * BLOCK);
    if path.len() > NAME {
        let name = [path.as_bytes(), &[0]].concat();
        block(&mut out, b'L', b"././@LongLink", 0, &name);
    }
    block(&mut out, kind, path.as_bytes(), modified.unwrap_or_default().as_secs(), bytes);
    out
}

/// A header (IEEE 1003.1, pax, "ustar Interchange Format") and its content.
fn block(out: &mut Vec<u8>, kind: u8, name: &[u8], modified: u64, content: &[u8]) {
    let start = out.len();
    let mut field = |text: &[u8], length: usize| {
        out.extend(text.iter().copied().chain(std::iter::repeat(0)).take(length));
    };
    let octal = |number: u64, digits: usize| format!("{number:0digits$o}").into_bytes();
    field(name, NAME);
    field(if kind == b'5' { b"0000755" } else { b"0000644" }, 8);
    field(b"0000000", 8);
    field(b"0000000", 8);
    field(&octal(content.len() as u64, 11), 12);
    field(&octal(modified, 11), 12);
    field(b"        ", 8);
    field(&[kind], 101);
    field(b"ustar  ", BLOCK - 257);
    let sum: u64 = out.iter().skip(start).map(|byte| u64::from(*byte)).sum();
    out.splice(start + 148..start + 154, octal(sum, 6));
    // Six digits, a zero and a space, as every tar writes it.
    out.splice(start + 154..start + 156, *b"\0 ");
    out.extend_from_slice(content);
    out.resize(out.len().next_multiple_of(BLOCK), 0);
}

/// An entry of an archive that is read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Absolute and clean: `/work/lunch.ics`.
    pub(crate) path: String,
    /// The bytes; none for a directory.
    pub(crate) bytes: Option<Vec<u8>>,
}

/// The next directory or file of an archive; none at its end. Understands what tar programs write today:
/// ustar, and the long names of GNU and of pax (IEEE 1003.1, pax).
pub(crate) fn next(input: &mut impl Read) -> io::Result<Option<Entry>> {
    let mut long_name: Option<Vec<u8>> = None;
    loop {
        let mut header = [0; BLOCK];
        input.read_exact(&mut header)?;
        if header.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let field = |from: usize, to: usize| {
            let all = header.get(from..to).unwrap_or_default();
            all.split(|byte| *byte == 0).next().unwrap_or_default()
        };
        let size = number(field(124, 136)).ok_or_else(|| damaged("a size that is not a number"))?;
        let kind = header.get(156).copied().unwrap_or_default();
        let (prefix, name) = (field(345, 500), field(0, NAME));
        let is_posix = header.get(257..263).is_some_and(|magic| magic == b"ustar\0");
        let own_name =
            if is_posix && !prefix.is_empty() { [prefix, b"/", name].concat() } else { name.to_vec() };
        let content = content(input, size)?;
        match kind {
            b'L' => long_name = Some(content.split(|byte| *byte == 0).next().unwrap_or_default().to_vec()),
            b'x' => long_name = pax_path(&content).or(long_name),
            b'0' | 0 | b'5' => {
                let name = long_name.take().unwrap_or(own_name);
                let path =
                    clean(&String::from_utf8_lossy(&name)).ok_or_else(|| damaged("a name with .. in it"))?;
                return Ok(Some(Entry { path, bytes: (kind != b'5').then_some(content) }));
            }
            // Links, devices, comments: nothing that a calendar consists of.
            _ => long_name = None,
        }
    }
}

fn content(input: &mut impl Read, size: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    input.take(size.next_multiple_of(BLOCK as u64)).read_to_end(&mut content)?;
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if content.len() < size {
        return Err(damaged("it ends too early"));
    }
    content.truncate(size);
    Ok(content)
}

fn number(octal: &[u8]) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(octal).ok()?.trim(), 8).ok()
}

/// The path in a pax header: records of a length, a space, a name, `=`, a value and a newline.
fn pax_path(records: &[u8]) -> Option<Vec<u8>> {
    records.split(|byte| *byte == b'\n').find_map(|record| {
        let (_, pair) = record.split_at_checked(record.iter().position(|byte| *byte == b' ')? + 1)?;
        pair.strip_prefix(b"path=").map(<[u8]>::to_vec)
    })
}

/// The path in the form that items have; none if it leads out of the archive.
fn clean(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    (!parts.contains(&"..")).then(|| ["/", &parts.join("/")].concat())
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, ["not a valid tar archive: ", what].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_and_bytes_survive() {
        let long = format!("/work/{}.ics", "é".repeat(98));
        let mut bytes = directory("/work");
        bytes.extend(file(&long, Some(Duration::from_secs(7)), b"x\r\n"));
        bytes.extend(END);
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
        let mut input = bytes.as_slice();
        let directory = Entry { path: "/work".to_owned(), bytes: None };
        assert_eq!(next(&mut input).unwrap(), Some(directory));
        assert_eq!(next(&mut input).unwrap(), Some(Entry { path: long, bytes: Some(b"x\r\n".to_vec()) }));
        assert_eq!(next(&mut input).unwrap(), None);
        assert!(next(&mut &bytes[..700]).and_then(|_| next(&mut &bytes[512..1500])).is_err());
    }

    #[test]
    fn archives_of_other_programs_are_read() {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_size(2);
        header.set_mode(0o644);
        let path = format!("{}/{}.ics", "d".repeat(90), "n".repeat(60));
        builder.append_pax_extensions([("path", format!("./{path}").as_bytes())]).unwrap();
        builder.append_data(&mut header, "short.ics", b"ab".as_slice()).unwrap();
        builder.append_data(&mut header, &path, b"cd".as_slice()).unwrap();
        let bytes = builder.into_inner().unwrap();
        let mut input = bytes.as_slice();
        for text in [b"ab", b"cd"] {
            let expected = Entry { path: format!("/{path}"), bytes: Some(text.to_vec()) };
            assert_eq!(next(&mut input).unwrap(), Some(expected));
        }
        assert_eq!(clean("a/../b"), None);
        assert!(next(&mut b"hello".as_slice()).is_err());
    }
}
