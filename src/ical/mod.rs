//! iCalendar (RFC 5545), as far as a backup and a restore look at it. Everything works on bytes: real servers
//! hold objects that a strict parser refuses, and a backup has to keep them as they are.

pub mod compare;
pub mod components;
pub mod edit;
pub mod lines;
mod normalize;

/// Returns the text with CRLF at the end of every line (RFC 5545 3.1): XML turns line ends into LF (RFC 4791
/// 9.6), and two servers may store one object with either. A CR alone stays.
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

/// Returns true if the bytes begin with `BEGIN:VCALENDAR`. A byte order mark and blank lines may come first.
#[must_use]
pub fn begins_as_calendar(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    bytes.get(..15).is_some_and(|start| start.eq_ignore_ascii_case(b"BEGIN:VCALENDAR"))
}

/// Returns true if the bytes end with `END:VCALENDAR`: an answer that broke off does not.
#[must_use]
pub fn ends_as_calendar(bytes: &[u8]) -> bool {
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
        assert!(begins_as_calendar(b"\xef\xbb\xbf\r\nbegin:vcalendar\r\n"));
        assert!(!begins_as_calendar(b"<html>") && !begins_as_calendar(b""));
        assert!(
            ends_as_calendar(b"x\nEND:VCALENDAR\r\n\r\n")
                && !ends_as_calendar(b"BEGIN:VCALENDAR\r\nEND:VCAL")
                && !ends_as_calendar(b"END")
        );
    }
}
