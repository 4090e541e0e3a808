//! A snapshot as a tar stream (POSIX ustar, with GNU's extension for long names), for hosts that give
//! the component nothing but standard output. Written out here because it is a header and padding: the
//! library for it would be a thirtieth of the component.

use std::time::Duration;

/// Everything in a tar stream is a multiple of this.
const BLOCK: usize = 512;
/// The longest name a header holds. Longer ones come in an entry of their own.
const NAME: usize = 100;

/// What ends the stream. Without it, readers say that it was cut off.
pub const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// The bytes of a directory's entry.
#[must_use]
pub fn directory(path: &str) -> Vec<u8> {
    let path = path.trim_start_matches('/');
    entry(b'5', &[if path.is_empty() { "." } else { path }, "/"].concat(), None, &[])
}

/// The bytes of a file's entry.
#[must_use]
pub fn file(path: &str, modified: Option<Duration>, bytes: &[u8]) -> Vec<u8> {
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

#[cfg(test)]
mod tests {
    use std::io::Read;

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
    }
}
