//! Looking at iCalendar (RFC 5545) without changing it. Everything works on bytes: real servers hold
//! objects that no parser accepts.

/// The text with CRLF at the end of every line (RFC 5545 3.1). XML gives line ends back as LF
/// (RFC 4791 9.6), and two servers may store one object with either. Lone CRs stay.
#[must_use]
pub fn with_crlf(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 16);
    let mut last = 0;
    for &byte in text {
        if byte == b'\n' && last != b'\r' {
            out.push(b'\r');
        }
        out.push(byte);
        last = byte;
    }
    out
}

/// Whether the bytes begin as a calendar object does. A byte order mark and blank lines may come first.
#[must_use]
pub fn begins_well(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    bytes.get(..15).is_some_and(|start| start.eq_ignore_ascii_case(b"BEGIN:VCALENDAR"))
}

/// Whether the bytes end as a calendar object does: none of it is missing.
#[must_use]
pub fn ends_well(bytes: &[u8]) -> bool {
    let bytes = bytes.trim_ascii_end();
    bytes
        .len()
        .checked_sub(13)
        .and_then(|at| bytes.get(at..))
        .is_some_and(|end| end.eq_ignore_ascii_case(b"END:VCALENDAR"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lone_line_feeds_change() {
        assert_eq!(with_crlf(b"a\nb\r\nc\rd\n\n"), b"a\r\nb\r\nc\rd\r\n\r\n");
        assert_eq!(with_crlf(b"\xff\n"), b"\xff\r\n");
    }

    #[test]
    fn objects_are_told_from_other_things() {
        assert!(begins_well(b"\xef\xbb\xbf\r\nbegin:vcalendar\r\n"));
        assert!(!begins_well(b"<html>") && !begins_well(b""));
        assert!(
            ends_well(b"x\nEND:VCALENDAR\r\n\r\n")
                && !ends_well(b"BEGIN:VCALENDAR\r\nEND:VCAL")
                && !ends_well(b"END")
        );
    }
}
