//! Looking at iCalendar (RFC 5545) without changing it. Everything works on bytes: real servers hold
//! objects that no parser accepts.

pub mod compare;
pub mod components;
pub mod edit;
pub mod lines;

/// The text with CRLF at the end of every line (RFC 5545 3.1). XML gives line ends back as LF
/// (RFC 4791 9.6), and two servers may store one object with either. Lone CRs stay.
#[must_use]
pub fn with_crlf(text: Vec<u8>) -> Vec<u8> {
    let is_lone = |at: &usize| at.checked_sub(1).and_then(|before| text.get(before)) != Some(&b'\r');
    let lone: Vec<usize> = memchr::memchr_iter(b'\n', &text).filter(is_lone).collect();
    if lone.is_empty() {
        return text;
    }
    let mut out = Vec::with_capacity(text.len() + lone.len());
    let mut start = 0;
    for at in lone {
        out.extend_from_slice(text.get(start..at).unwrap_or_default());
        out.push(b'\r');
        start = at;
    }
    out.extend_from_slice(text.get(start..).unwrap_or_default());
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
        assert_eq!(with_crlf(b"a\nb\r\nc\rd\n\n".to_vec()), b"a\r\nb\r\nc\rd\r\n\r\n");
        assert_eq!(with_crlf(b"\xff\n".to_vec()), b"\xff\r\n");
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
