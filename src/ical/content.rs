//! Content lines and components (RFC 5545 3.1, 3.6), found in bytes without changing them.
//!
//! Not a parser of iCalendar: real files hold what no strict parser takes, and a restore has to carry them all.
//! What is looked at is only where lines begin and end, what they are called, and which components hold them.

use std::borrow::Cow;

/// A content line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'t> {
    /// The bytes, with folds and line end.
    pub raw: &'t [u8],
    /// The text without them.
    pub text: Cow<'t, [u8]>,
}

impl Line<'_> {
    /// The name, as it is written.
    #[must_use]
    pub fn spelt(&self) -> &[u8] {
        let end = self.text.iter().position(|byte| matches!(byte, b':' | b';')).unwrap_or(self.text.len());
        self.text.get(..end).unwrap_or_default().trim_ascii()
    }

    /// Whether this is its name.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.spelt().eq_ignore_ascii_case(name.as_bytes())
    }

    /// The name, in upper case.
    #[must_use]
    pub fn name(&self) -> String {
        String::from_utf8_lossy(self.spelt()).to_ascii_uppercase()
    }

    /// The value: what follows the first colon outside of quotes.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        self.parameters_and_value().1
    }

    /// The parameters, names in upper case, values without quotes; and the value.
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

/// The content lines of `text`. A line that begins with a space or a tab continues the one before.
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

/// The length of the first physical line, with its end.
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

/// A component: `BEGIN:VEVENT` to `END:VEVENT`.
#[derive(Debug, Default)]
pub struct Component<'t> {
    /// Its kind, in upper case, such as `VEVENT`.
    pub kind: String,
    /// All of its bytes.
    pub raw: &'t [u8],
    /// Its own lines, without `BEGIN` and `END`.
    pub lines: Vec<Line<'t>>,
    /// What it holds.
    pub children: Vec<Component<'t>>,
}

impl Component<'_> {
    /// The value of the first line of this name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<String> {
        let line = self.lines.iter().find(|line| line.is(name))?;
        Some(String::from_utf8_lossy(line.value()).trim().to_owned())
    }
}

/// As deep as components are followed.
const DEPTH: usize = 16;

/// The calendars in `text`: usually one. None if it is not made of components.
#[must_use]
pub fn calendars(text: &[u8]) -> Option<Vec<Component<'_>>> {
    let mut open: Vec<(Component<'_>, usize)> = Vec::new();
    let mut done = Vec::new();
    let mut at = text.len() - text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).len();
    for line in lines(text) {
        let start = at;
        at += line.raw.len();
        if line.is("BEGIN") {
            let kind = String::from_utf8_lossy(line.value()).trim().to_ascii_uppercase();
            if open.len() >= DEPTH {
                return None;
            }
            open.push((Component { kind, ..Component::default() }, start));
        } else if line.is("END") {
            let (mut component, start) = open.pop()?;
            component.raw = text.get(start..at).unwrap_or_default();
            match open.last_mut() {
                Some((parent, _)) => parent.children.push(component),
                None => done.push(component),
            }
        } else if let Some((component, _)) = open.last_mut() {
            component.lines.push(line);
        } else if !line.text.is_empty() {
            return None;
        }
    }
    let whole = open.is_empty() && !done.is_empty() && done.iter().all(|c| c.kind == "VCALENDAR");
    whole.then_some(done)
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

    #[test]
    fn components_hold_components() {
        let text = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nbegin:vevent\r\nUID:1\r\nBEGIN:VALARM\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        let all = calendars(text).unwrap();
        assert_eq!((all[0].raw, all[0].children[0].kind.as_str()), (text.as_slice(), "VEVENT"));
        assert_eq!(all[0].children[0].value("UID").as_deref(), Some("1"));
        assert_eq!(all[0].children[0].children[0].kind, "VALARM");
        for broken in
            ["", "hello", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VEVENT\r\n", "BEGIN:VCARD\r\nEND:VCARD"]
        {
            assert!(calendars(broken.as_bytes()).is_none(), "{broken}");
        }
    }
}
