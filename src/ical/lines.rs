//! Content lines (RFC 5545 3.1), found in bytes without changing them.

use std::borrow::Cow;

/// A content line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'t> {
    /// The bytes, with its folds and its line end.
    pub raw: &'t [u8],
    /// The same without folds and line end.
    pub text: Cow<'t, [u8]>,
}

impl Line<'_> {
    /// Returns the name, in the spelling of the text.
    #[must_use]
    pub fn spelt(&self) -> &[u8] {
        let end = self.text.iter().position(|byte| matches!(byte, b':' | b';')).unwrap_or(self.text.len());
        self.text.get(..end).unwrap_or_default().trim_ascii()
    }

    /// Returns true if this is its name. Names have no case.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.spelt().eq_ignore_ascii_case(name.as_bytes())
    }

    /// Returns the name in upper case.
    #[must_use]
    pub fn name(&self) -> String {
        String::from_utf8_lossy(self.spelt()).to_ascii_uppercase()
    }

    /// Returns the value: what follows the first colon outside of quotes, with its escapes.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        self.parameters_and_value().1
    }

    /// Returns the parameters, with names in upper case and values without quotes, and the value.
    #[must_use]
    pub fn parameters_and_value(&self) -> (Vec<(String, String)>, &[u8]) {
        let (mut parameters, mut quoted, mut start) = (Vec::new(), false, None);
        for (at, byte) in self.text.iter().enumerate() {
            match byte {
                b'"' => quoted = !quoted,
                b';' | b':' if !quoted => {
                    if let Some(start) = start {
                        let text = self.text.get(start..at).unwrap_or_default();
                        parameters.push(parameter(&String::from_utf8_lossy(text)));
                    }
                    start = Some(at + 1);
                    if *byte == b':' {
                        return (parameters, self.text.get(at + 1..).unwrap_or_default());
                    }
                }
                _ => {}
            }
        }
        (parameters, &[])
    }
}

fn parameter(text: &str) -> (String, String) {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    (name.trim().to_ascii_uppercase(), value.replace('"', ""))
}

/// Returns the content lines of `text`. A line that begins with a space or a tab continues the one before.
pub fn lines(text: &[u8]) -> impl Iterator<Item = Line<'_>> {
    let mut rest = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut end = physical(rest);
        while matches!(rest.get(end), Some(b' ' | b'\t')) {
            end += physical(rest.get(end..).unwrap_or_default());
        }
        let (raw, after) = rest.split_at(end);
        rest = after;
        Some(Line { raw, text: unfolded(raw) })
    })
}

/// Returns the length of the first line of the text, with its end, before unfolding.
fn physical(text: &[u8]) -> usize {
    memchr::memchr(b'\n', text).map_or(text.len(), |at| at + 1)
}

fn unfolded(raw: &[u8]) -> Cow<'_, [u8]> {
    let body = raw.trim_ascii_end();
    if memchr::memchr(b'\n', body).is_none() {
        return Cow::Borrowed(body);
    }
    let mut out = Vec::with_capacity(body.len());
    for (number, part) in body.split(|byte| *byte == b'\n').enumerate() {
        let part = part.strip_suffix(b"\r").unwrap_or(part);
        out.extend_from_slice(if number == 0 { part } else { part.get(1..).unwrap_or_default() });
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_unfolded_and_taken_apart() {
        let text = b"ATTENDEE;CN=\"A;B: C\";rsvp=TRUE:mai\r\n lto:a@b\r\nX:1\n";
        let all: Vec<_> = lines(text).collect();
        let [attendee, x] = all.as_slice() else { panic!("{all:?}") };
        assert_eq!(attendee.name(), "ATTENDEE");
        let (parameters, value) = attendee.parameters_and_value();
        assert_eq!(value, b"mailto:a@b");
        assert_eq!(parameters, [("CN".into(), "A;B: C".into()), ("RSVP".into(), "TRUE".into())]);
        assert_eq!((x.name().as_str(), x.value()), ("X", b"1".as_slice()));
    }
}
